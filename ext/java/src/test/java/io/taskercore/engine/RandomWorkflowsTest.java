package io.taskercore.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.taskercore.model.Json;
import io.taskercore.testing.Engine;
import io.taskercore.testing.Engine.Background;
import io.taskercore.testing.Handlers;
import io.taskercore.testing.Handlers.Failed;
import io.taskercore.testing.Handlers.Handler;
import io.taskercore.testing.Invariants;
import io.taskercore.testing.Workflow;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;

/**
 * Random DAGs with random outcomes, on one process or two at once, against a model of what must become of each step.
 *
 * <p>Each case is named by its seed. To run one again: {@code -Dtasker.seed=SEED -Dtasker.cases=1}.
 */
class RandomWorkflowsTest {

  private static final String HANDLER = "Planned";

  private static Engine engine;
  private static Handlers theirs;
  private static Coordinator other;

  private static final Map<Long, Plan> PLANS = new ConcurrentHashMap<>();

  /** How the attempts at a step go: so many transient failures, then its end, unless its attempts are over before. */
  private record StepPlan(List<Integer> parents, int transients, boolean permanent, int maxAttempts) {}

  private record Plan(boolean failFast, boolean twoProcesses, List<StepPlan> steps) {

    static Plan random(Random random) {
      int size = 1 + random.nextInt(40);
      double density = random.nextDouble();
      double trouble = random.nextDouble() * 0.4;
      List<StepPlan> steps = new ArrayList<>();
      for (int i = 0; i < size; i++) {
        steps.add(new StepPlan(
            someParents(random, i, density),
            random.nextDouble() < 0.3 ? 1 + random.nextInt(3) : 0,
            random.nextDouble() < trouble / 4,
            1 + random.nextInt(4)));
      }
      return new Plan(random.nextBoolean(), random.nextBoolean(), steps);
    }

    private static List<Integer> someParents(Random random, int step, double density) {
      return IntStream.range(Math.max(0, step - 8), step).boxed()
          .filter(candidate -> random.nextDouble() < density * 0.5).toList();
    }

    Workflow workflow(String name) {
      Workflow workflow = Workflow.named(name);
      if (failFast) {
        workflow.failFast();
      }
      for (int i = 0; i < steps.size(); i++) {
        workflow.stepWith("s" + i, """
            "handler": "%s", "retry": {"max_attempts": %d, "backoff": "none"}""".formatted(HANDLER, steps.get(i).maxAttempts()),
            steps.get(i).parents().stream().map(parent -> "s" + parent).toArray(String[]::new));
      }
      return workflow;
    }
  }

  /** What must become of a step where nothing cuts the task short. */
  private record Fate(String state, int attempts, long sum) {}

  /** The engine in a few lines, with neither time nor processes. */
  private static List<Fate> model(Plan plan) {
    List<Fate> fates = new ArrayList<>();
    for (StepPlan step : plan.steps()) {
      List<Fate> parents = step.parents().stream().map(fates::get).toList();
      boolean runs = parents.stream().allMatch(parent -> parent.state().equals("complete"));
      boolean exhausted = step.transients() >= step.maxAttempts();
      if (!runs) {
        fates.add(new Fate("pending", 0, 0));
      } else if (exhausted) {
        fates.add(new Fate("error", step.maxAttempts(), 0));
      } else {
        long sum = 1 + parents.stream().mapToLong(Fate::sum).sum() % 1_000_003;
        fates.add(new Fate(step.permanent() ? "error" : "complete", step.transients() + 1, sum));
      }
    }
    return fates;
  }

  private static final Handler PLANNED = attempt -> {
    StepPlan step = PLANS.get(attempt.taskId()).steps().get(Integer.parseInt(attempt.stepName().substring(1)));
    if (attempt.attempt() <= step.transients()) {
      throw Failed.transiently("attempt " + attempt.attempt());
    }
    if (step.permanent()) {
      throw Failed.permanently("for good");
    }
    long sum = 0;
    for (Json result : attempt.parentResults().values()) {
      sum += Engine.tree(result).get("sum").asLong();
    }
    return Json.of("{\"sum\": " + (1 + sum % 1_000_003) + "}");
  };

  static LongStream seeds() {
    long first = Long.getLong("tasker.seed", System.nanoTime() % 1_000_000_000L * 1_000);
    return LongStream.range(first, first + Integer.getInteger("tasker.cases", 60));
  }

  @BeforeAll
  static void start() {
    engine = Engine.start(Map.of("max_parallel_steps", 4));
    engine.handlers().on(HANDLER, PLANNED);
    theirs = new Handlers().on(HANDLER, PLANNED);
    other = engine.otherProcess("other", theirs, Map.of("max_parallel_steps", 3));
  }

  @AfterAll
  static void close() {
    engine.close();
  }

  @ParameterizedTest(name = "tasker.seed={0}")
  @MethodSource("seeds")
  void everyStepEndsAsTheModelSays(long seed) {
    Plan plan = Plan.random(new Random(seed));
    List<Fate> fates = model(plan);
    engine.register(plan.workflow("w" + seed));
    long taskId = engine.initialize("{\"task_name\": \"w" + seed + "\"}").get("task_id").asLong();
    PLANS.put(taskId, plan);

    List<Background> runs = new ArrayList<>(List.of(engine.inBackground(taskId)));
    if (plan.twoProcesses()) {
      runs.add(Engine.inBackground(other, theirs, taskId, null));
    }

    boolean fails = fates.stream().anyMatch(fate -> fate.state().equals("error"));
    for (Background run : runs) {
      assertThat(run.outcome().get("status").asString()).isEqualTo(fails ? "error" : "complete");
    }
    JsonNode context = engine.context(taskId);
    assertThat(context.get("status").asString()).isEqualTo(fails ? "error" : "complete");
    for (int i = 0; i < fates.size(); i++) {
      JsonNode step = Engine.step(context, "s" + i);
      if (fails && plan.failFast()) {
        assertEndsAsCutShort(fates.get(i), step);
      } else {
        assertEndsAs(fates.get(i), step);
      }
    }
    if (fails) {
      assertThat(context.get("failed_steps").asInt()).isPositive();
    }
    Invariants.check(engine.database());
  }

  private static void assertEndsAs(Fate fate, JsonNode step) {
    String name = step.get("name").asString();
    assertThat(step.get("state").asString()).as(name).isEqualTo(fate.state());
    assertThat(step.get("attempts").asInt()).as("attempts of " + name).isEqualTo(fate.attempts());
    if (fate.state().equals("complete")) {
      assertThat(step.get("result").get("sum").asLong()).as("result of " + name).isEqualTo(fate.sum());
    }
  }

  /** Under fail_fast it depends on who was first what is cut short; but nothing gets further than it would have. */
  private static void assertEndsAsCutShort(Fate fate, JsonNode step) {
    String name = step.get("name").asString();
    if (!step.get("state").asString().equals("cancelled")) {
      assertThat(fate.state()).as(name).isNotEqualTo("pending");
      assertEndsAs(fate, step);
      return;
    }
    assertThat(step.get("attempts").asInt()).as("attempts of " + name).isLessThanOrEqualTo(fate.attempts());
    assertThat(step.get("result").isNull()).as(name + " has no result").isTrue();
  }
}
