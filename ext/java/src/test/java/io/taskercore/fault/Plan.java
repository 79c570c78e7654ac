package io.taskercore.fault;

import io.taskercore.testing.Workflow;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;

/** A workflow with what becomes of each of its steps, and the engine in a few lines, with neither time, processes nor faults. */
record Plan(String name, String handler, boolean failFast, List<StepPlan> steps) {

  static final String HANDLER = "Planned";

  /** The engine's default. */
  private static final int MAX_CRASHES = 3;

  Plan {
    steps = List.copyOf(steps);
  }

  static Plan of(String name, StepPlan... steps) {
    return new Plan(name, HANDLER, false, List.of(steps));
  }

  Plan failingFast() {
    return new Plan(name, handler, true, steps);
  }

  Plan handledBy(String other) {
    return new Plan(name, other, failFast, steps);
  }

  static String stepName(int ordinal) {
    return "s" + ordinal;
  }

  Workflow workflow() {
    Workflow workflow = Workflow.named(name);
    if (failFast) {
      workflow.failFast();
    }
    for (int i = 0; i < steps.size(); i++) {
      workflow.stepWith(stepName(i), steps.get(i).settings(handler), steps.get(i).parentNames());
    }
    return workflow;
  }

  /**
   * What must become of a step where nothing cuts the task short.
   *
   * @param leastAttempts crashes included
   * @param mostAttempts crashes not included
   */
  record Fate(String state, int leastAttempts, int mostAttempts, long sum) {}

  /**
   * A fault may only ever add a crash to a step; so the bounds of its attempts differ from what is certain without faults, and
   * nothing else does. A handler that may be interrupted by its time-out may be so more often on a slow machine.
   */
  List<Fate> fates() {
    List<Fate> fates = new ArrayList<>();
    for (StepPlan step : steps) {
      List<Fate> parents = step.parents().stream().map(fates::get).toList();
      int attempts = Math.min(step.troubles() + 1, step.maxAttempts());
      int most = step.timeoutMs() == null ? attempts : step.maxAttempts();
      if (parents.stream().anyMatch(parent -> !parent.state().equals("complete"))) {
        fates.add(new Fate("pending", 0, 0, 0));
      } else if (step.deadly()) {
        fates.add(new Fate("error", MAX_CRASHES, 0, 0));
      } else if (step.troubles() >= step.maxAttempts()) {
        fates.add(new Fate("error", step.maxAttempts(), step.maxAttempts(), 0));
      } else if (step.permanent()) {
        fates.add(new Fate("error", attempts, most, 0));
      } else {
        long sum = 1 + parents.stream().mapToLong(Fate::sum).sum();
        fates.add(new Fate("complete", attempts, most, sum % StepPlan.MODULUS));
      }
    }
    return fates;
  }

  /** How its tasks end. */
  String fate() {
    return fates().stream().anyMatch(fate -> fate.state().equals("error")) ? "error" : "complete";
  }

  /** One of each kind, so that every mix has them all, and as many random graphs. */
  static List<Plan> mixed(Random random) {
    List<Plan> plans = new ArrayList<>(List.of(
        of("linear", step(random), step(random, 0), step(random, 1), step(random, 2)),
        of("diamond", step(random), step(random, 0), step(random, 0), step(random, 1, 2)),
        of("tree", step(random), step(random, 0), step(random, 0), step(random, 1), step(random, 1), step(random, 2),
            step(random, 2)),
        wide(random),
        of("retries", step(random).failing(1, 3), step(random, 0).failing(2, 3), step(random, 0), step(random, 1, 2)),
        of("exhausted", step(random), step(random, 0).failing(StepPlan.ALWAYS, 2), step(random, 0), step(random, 1)),
        of("permanent", step(random), step(random, 0).failingForGood(), step(random, 0), step(random, 1, 2)),
        of("timeouts", step(random).hanging(1, 50, 400), step(random, 0), step(random, 0).hanging(StepPlan.ALWAYS, 2, 300)),
        of("fail_fast", step(random), step(random, 0).failingForGood(), step(random, 0), step(random, 2), step(random, 3))
            .failingFast()));
    int kinds = plans.size();
    for (int i = 0; i < kinds; i++) {
      plans.add(randomGraph(random, "random" + i));
    }
    return plans;
  }

  private static StepPlan step(Random random, Integer... parents) {
    return StepPlan.step(random.nextInt(10) == 0 ? random.nextInt(300) : random.nextInt(20), parents);
  }

  private static Plan wide(Random random) {
    List<StepPlan> steps = new ArrayList<>(List.of(step(random)));
    IntStream.rangeClosed(1, 12).forEach(i -> steps.add(step(random, 0)));
    steps.add(step(random, IntStream.rangeClosed(1, 12).boxed().toArray(Integer[]::new)));
    return new Plan("wide", HANDLER, false, steps);
  }

  private static Plan randomGraph(Random random, String name) {
    int size = 1 + random.nextInt(12);
    double density = random.nextDouble() * 0.5;
    boolean troubled = random.nextInt(3) == 0;
    List<StepPlan> steps = new ArrayList<>();
    for (int i = 0; i < size; i++) {
      StepPlan step = step(random, IntStream.range(0, i).filter(candidate -> random.nextDouble() < density).boxed()
          .toArray(Integer[]::new));
      if (random.nextInt(4) == 0) {
        step = step.failing(1 + random.nextInt(2), 4);
      }
      steps.add(troubled && random.nextInt(6) == 0 ? step.failingForGood() : step);
    }
    return new Plan(name, HANDLER, random.nextInt(4) == 0, steps);
  }
}
