package io.taskercore.engine;

import io.taskercore.engine.TransitionModel.Step;
import io.taskercore.model.ClaimedStep;
import io.taskercore.model.ClaimedStep.Claim;
import io.taskercore.model.Json;
import io.taskercore.model.StepOutcome;
import io.taskercore.model.StepState;
import io.taskercore.testing.Workflow;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.LongConsumer;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import java.util.stream.Stream;

/** One random thing after the other that can happen to some tasks. The seed alone decides what. */
final class RandomTransitions {

  private static final int MOST_OF_A_TASK = 5;
  private static final int MOST_OF_A_BATCH = 50;

  /** There is no such task. */
  private static final long NOWHERE = ClaimedStep.stepId(1L << 40, 0);

  private final Random random;
  private final SideBySide tasks;
  private final Paths paths;
  private final List<Long> processes = new ArrayList<>();
  private int outcomes;

  RandomTransitions(Random random, SideBySide tasks, Paths paths) {
    this.random = random;
    this.tasks = tasks;
    this.paths = paths;
    IntStream.range(0, 4).forEach(i -> processes.add(paths.newProcess()));
  }

  /** A workflow of two to eight steps: a chain, a fan, a join, a diamond, several fans beside each other, or anything. */
  static Workflow workflow(Random random, String name) {
    Workflow workflow = Workflow.named(name);
    if (random.nextInt(100) < 45) {
      workflow.failFast();
    }
    int size = 2 + random.nextInt(7);
    int shape = random.nextInt(6);
    for (int i = 0; i < size; i++) {
      workflow.stepWith("s" + i, "\"max_crashes\": " + (1 + Math.max(random.nextInt(3), random.nextInt(2))),
          parents(random, shape, i, size).mapToObj(parent -> "s" + parent).toArray(String[]::new));
    }
    return workflow;
  }

  private static IntStream parents(Random random, int shape, int step, int size) {
    boolean last = step == size - 1;
    return switch (shape) {
      case 0 -> IntStream.range(Math.max(0, step - 1), step);
      case 1 -> IntStream.range(0, Math.min(step, 1));
      case 2 -> IntStream.range(0, last ? step : 0);
      case 3 -> last && size > 2 ? IntStream.range(1, step) : IntStream.range(0, Math.min(step, 1));
      case 4 -> step < 3 ? IntStream.empty() : IntStream.of(random.nextInt(3));
      default -> IntStream.range(0, step).filter(candidate -> random.nextInt(100) < 40);
    };
  }

  /** Until all tasks have ended for good, or for so many changes. */
  void run(int changes, LongConsumer damage) {
    for (int i = 0; i < changes && tasks.models().stream().anyMatch(RandomTransitions::alive); i++) {
      damage.accept(i);
      next();
    }
  }

  private static boolean alive(TransitionModel model) {
    return Set.of("pending", "in_progress", "error").contains(model.view().state());
  }

  private void next() {
    int dice = random.nextInt(100);
    if (dice < 17) {
      claim(1);
    } else if (dice < 27) {
      claim(8);
    } else if (dice < 47) {
      recordOne();
    } else if (dice < 69) {
      recordMany();
    } else if (dice < 75) {
      giveBack();
    } else if (dice < 83) {
      crash();
    } else if (dice < 90) {
      retry();
    } else if (dice < 96) {
      boolean silent = random.nextBoolean();
      tasks.resolveStep(some(steps(StepState.PENDING, StepState.ENQUEUED, StepState.ERROR)).id,
          silent ? null : number(++outcomes), "resolved " + outcomes);
    } else if (dice < 98) {
      tasks.cancelTask(one(tasks.models()).taskId(), "cancelled");
    } else if (dice < 99) {
      tasks.resolveTask(one(tasks.models()).taskId(), "resolved");
    } else {
      tasks.sweep();
    }
  }

  private <T> T one(List<T> some) {
    return some.get(random.nextInt(some.size()));
  }

  private boolean chance(int percent) {
    return random.nextInt(100) < percent;
  }

  private List<Step> all() {
    return tasks.models().stream().flatMap(model -> model.steps().stream()).toList();
  }

  private List<Step> steps(StepState... states) {
    return all().stream().filter(step -> Set.of(states).contains(step.state)).toList();
  }

  /** Mostly one of these; now and then any step at all, for which the change is not meant. */
  private Step some(List<Step> meant) {
    return meant.isEmpty() || chance(12) ? one(all()) : one(meant);
  }

  private void claim(int most) {
    for (int i = 0; i < most; i++) {
      tasks.claim(one(processes), some(steps(StepState.ENQUEUED, StepState.WAITING_FOR_RETRY)).id);
    }
  }

  private void recordOne() {
    Step step = some(steps(StepState.IN_PROGRESS));
    List<StepOutcome> outcome = List.of(outcome(step.id, chance(85) ? step.fence : wrongFence(step)));
    tasks.record(one(processes), outcome, wanted(outcome));
  }

  private void recordMany() {
    int target = 2 + random.nextInt(chance(70) ? 7 : MOST_OF_A_BATCH - 1);
    List<StepOutcome> batch = new ArrayList<>();
    List<TransitionModel> models = new ArrayList<>(tasks.models());
    Collections.shuffle(models, random);
    for (TransitionModel model : models) {
      if (batch.size() < target) {
        List<StepOutcome> ofTask = outcomesOf(model);
        batch.addAll(ofTask.subList(0, Math.min(ofTask.size(), Math.min(MOST_OF_A_TASK, target - batch.size()))));
      }
    }
    // Thereby one outcome alone goes the way of many, too.
    while (batch.size() < 2 || (batch.size() < MOST_OF_A_BATCH && chance(10))) {
      batch.add(outcome(NOWHERE, 1));
    }
    Collections.shuffle(batch, random);
    tasks.record(one(processes), batch, wanted(batch));
  }

  /** Of what runs mostly; of some steps twice, under the same fence or an old one; of some that do not run at all. */
  private List<StepOutcome> outcomesOf(TransitionModel model) {
    List<StepOutcome> some = new ArrayList<>();
    for (Step step : model.running()) {
      if (chance(80)) {
        some.add(outcome(step.id, step.fence));
      }
      if (chance(15)) {
        some.add(outcome(step.id, chance(40) ? step.fence : wrongFence(step)));
      }
    }
    if (chance(15)) {
      Step step = one(model.steps());
      some.add(outcome(step.id, chance(50) ? step.fence : wrongFence(step)));
    }
    Collections.shuffle(some, random);
    return some;
  }

  /** An old one mostly, or one that was never given. */
  private long wrongFence(Step step) {
    return chance(60) ? step.fence - 1 : step.fence + 1 + random.nextInt(3);
  }

  private StepOutcome outcome(long stepId, long fence) {
    int number = ++outcomes;
    int dice = random.nextInt(100);
    if (dice < 62) {
      return new StepOutcome(stepId, fence, StepState.COMPLETE, number(number), null, null, null);
    }
    return dice < 80
        ? new StepOutcome(stepId, fence, StepState.WAITING_FOR_RETRY, null, number(number), 0L, "outcome " + number)
        : new StepOutcome(stepId, fence, StepState.ERROR, null, number(number), null, "outcome " + number);
  }

  private static Json number(int number) {
    return Json.of("{\"n\": " + number + "}");
  }

  /** Children of steps that are complete by the outcomes: none, all, or some; now and then also a step that is no child. */
  private Set<Long> wanted(List<StepOutcome> some) {
    int percent = one(List.of(0, 50, 100));
    Set<Long> wanted = new TreeSet<>();
    some.stream()
        .filter(outcome -> outcome.to() == StepState.COMPLETE && outcome.stepId() != NOWHERE)
        .flatMapToLong(outcome -> children(outcome.stepId()))
        .filter(child -> chance(percent))
        .forEach(wanted::add);
    if (chance(10)) {
      wanted.add(one(all()).id);
    }
    return wanted;
  }

  private LongStream children(long stepId) {
    return tasks.step(stepId).children.stream()
        .mapToLong(ordinal -> ClaimedStep.stepId(ClaimedStep.taskIdOf(stepId), ordinal));
  }

  private void giveBack() {
    List<Claim> claims = Stream.generate(() -> some(steps(StepState.IN_PROGRESS)))
        .limit(1 + random.nextInt(3)).distinct()
        .map(step -> new Claim(step.id, chance(90) ? step.fence : wrongFence(step)))
        .toList();
    tasks.giveBack(claims, random.nextBoolean());
  }

  private void retry() {
    List<Step> failed = steps(StepState.ERROR);
    tasks.retryStep(some(failed.isEmpty() ? steps(StepState.WAITING_FOR_RETRY) : failed).id);
  }

  /** Mostly of one that holds something. Another process takes the place of the dead. */
  private void crash() {
    List<Step> running = steps(StepState.IN_PROGRESS);
    int index = running.isEmpty() || chance(10)
        ? random.nextInt(processes.size())
        : processes.indexOf(one(running).holder);
    tasks.crash(processes.get(index));
    processes.set(index, paths.newProcess());
  }
}
