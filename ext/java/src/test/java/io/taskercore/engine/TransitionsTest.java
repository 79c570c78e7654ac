package io.taskercore.engine;

import io.taskercore.engine.TransitionModel.Step;
import io.taskercore.model.ClaimedStep;
import io.taskercore.model.Json;
import io.taskercore.model.StepOutcome;
import io.taskercore.model.StepState;
import io.taskercore.testing.Engine;
import io.taskercore.testing.Invariants;
import io.taskercore.testing.Workflow;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Everything that changes a step's state from its claim on, one statement at a time, against {@link TransitionModel}: what the
 * tables hold after each change, and what the change has answered.
 *
 * <p>Each random case is named by its seed. To run one again: {@code -Dtasker.seed=SEED -Dtasker.cases=1}.
 */
class TransitionsTest {

  private static final int CHANGES = 60;

  private static Engine engine;
  private static Connection connection;
  private static TransitionRows rows;
  private static EnginePaths paths;
  private static SideBySide tasks;
  private static int workflows;

  @BeforeAll
  static void start() throws SQLException {
    // Nothing happens by itself.
    engine = Engine.start(Map.of("lease_ms", 3_600_000, "sweep_interval_ms", 3_600_000));
    connection = engine.database().dataSource().getConnection();
    // As the engine's own sessions do; to plan each statement anew takes half of the time.
    try (Statement statement = connection.createStatement()) {
      statement.execute("SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET jit = off");
    }
    rows = new TransitionRows(connection);
    paths = new EnginePaths(engine, connection);
  }

  @AfterAll
  static void close() throws SQLException {
    paths.close();
    connection.close();
    engine.close();
  }

  @AfterEach
  void forget() {
    engine.database().execute("DELETE FROM tasker.tasks");
  }

  static LongStream seeds() {
    long first = Long.getLong("tasker.seed", System.nanoTime() % 1_000_000_000L * 1_000);
    return LongStream.range(first, first + Integer.getInteger("tasker.cases", 30));
  }

  @ParameterizedTest(name = "tasker.seed={0}")
  @MethodSource("seeds")
  void everyChangeComesToWhatTheModelSays(long seed) {
    Random random = new Random(seed);
    randomTasks(seed, random);

    new RandomTransitions(random, tasks, paths).run(CHANGES, change -> {});

    Invariants.check(engine.database());
  }

  @ParameterizedTest(name = "tasker.seed={0}")
  @MethodSource("seeds")
  void alsoWhereCountersOfParentsHaveBecomeTooLow(long seed) {
    Random random = new Random(seed);
    randomTasks(seed, random);

    new RandomTransitions(random, tasks, paths).run(CHANGES, change -> {
      if (change % 10 == 3) {
        lowerSome(random);
      }
    });
  }

  private static void randomTasks(long seed, Random random) {
    tasks = new SideBySide("tasker.seed=" + seed, paths, rows);
    for (int left = 1 + random.nextInt(3); left > 0; left--) {
      String name = name();
      engine.register(RandomTransitions.workflow(random, name));
      for (int copies = 1 + random.nextInt(random.nextInt(4) == 0 ? 5 : 2); copies > 0; copies--) {
        tasks.add(engine.initialize("{\"task_name\": \"%s\", \"priority\": %d}".formatted(name, random.nextInt(5)))
            .get("task_id").asLong());
      }
    }
  }

  private static String name() {
    return "w" + ++workflows;
  }

  private static void lowerSome(Random random) {
    List<Step> waiting = tasks.models().stream().flatMap(model -> model.steps().stream())
        .filter(step -> step.state == StepState.PENDING && step.waitingOn > 0).toList();
    if (!waiting.isEmpty()) {
      Step step = waiting.get(random.nextInt(waiting.size()));
      setWaitingOn(step.id, step.waitingOn - 1);
    }
  }

  private static void setWaitingOn(long stepId, int waitingOn) {
    engine.database().execute("UPDATE tasker.workflow_steps SET waiting_on = %d WHERE task_id = %d AND step_id = %d".formatted(
        waitingOn, ClaimedStep.taskIdOf(stepId), stepId));
    tasks.damaged(stepId, waitingOn);
  }

  /** By which way a parent is satisfied. */
  enum By {
    ITS_OUTCOME {
      @Override
      void satisfy(long process, List<Long> parents, Set<Long> wanted) {
        begin(process, parents).forEach(outcome -> tasks.record(process, List.of(outcome), wanted));
      }
    },
    A_BATCH_OF_OUTCOMES {
      @Override
      void satisfy(long process, List<Long> parents, Set<Long> wanted) {
        List<StepOutcome> batch = new ArrayList<>(begin(process, parents));
        batch.add(success(ClaimedStep.stepId(1L << 40, 0), 1));
        tasks.record(process, batch, wanted);
      }
    },
    A_PERSON {
      @Override
      void satisfy(long process, List<Long> parents, Set<Long> wanted) {
        parents.forEach(parent -> tasks.resolveStep(parent, null, "done by hand"));
      }
    };

    abstract void satisfy(long process, List<Long> parents, Set<Long> wanted);

    static List<StepOutcome> begin(long process, List<Long> steps) {
      steps.forEach(step -> tasks.claim(process, step));
      return steps.stream().map(step -> success(step, tasks.step(step).fence)).toList();
    }

    static StepOutcome success(long stepId, long fence) {
      return new StepOutcome(stepId, fence, StepState.COMPLETE, Json.of("{\"n\": 1}"), null, null, null);
    }
  }

  /** A task that fails fast, of which two steps run in one process, may not crash again, and another waits for its turn. */
  private static long twoThatFail(long process) {
    long taskId = task("two fail", Workflow.named(name()).failFast()
        .stepWith("s0", "\"max_crashes\": 1").stepWith("s1", "\"max_crashes\": 1").step("s2").step("s3", "s2"));
    tasks.claim(process, ClaimedStep.stepId(taskId, 0));
    tasks.claim(process, ClaimedStep.stepId(taskId, 1));
    return taskId;
  }

  @Test
  void twoErrorsOfOneBatchEndATaskThatFailsFastAsOneAfterTheOtherDoes() {
    long process = paths.newProcess();
    long taskId = twoThatFail(process);

    tasks.record(
        process, List.of(error(ClaimedStep.stepId(taskId, 0)), error(ClaimedStep.stepId(taskId, 1))), Set.of());
  }

  @Test
  void twoStepsThatAProcessDiesUnderEndATaskThatFailsFastAsOneAfterTheOtherDoes() {
    long process = paths.newProcess();
    twoThatFail(process);

    tasks.crash(process);
  }

  @Test
  void anErrorCountsAlsoWhereTheBatchLeavesAsManyStepsActiveAsBefore() {
    long process = paths.newProcess();
    long taskId = task("as many", Workflow.named(name()).step("s0").step("s1").step("s2", "s1").step("s3", "s1"));
    long failed = ClaimedStep.stepId(taskId, 0);
    List<StepOutcome> outcomes = By.begin(process, List.of(failed, ClaimedStep.stepId(taskId, 1)));

    tasks.record(process, List.of(error(failed), outcomes.get(1)), Set.of());
  }

  private static StepOutcome error(long stepId) {
    return new StepOutcome(
        stepId, tasks.step(stepId).fence, StepState.ERROR, null, Json.of("{\"n\": 2}"), null, "it failed");
  }

  private static long task(String name, Workflow workflow) {
    tasks = new SideBySide(name, paths, rows);
    long taskId = engine.task(workflow);
    tasks.add(taskId);
    return taskId;
  }

  @ParameterizedTest
  @EnumSource(By.class)
  void aCounterThatIsTooLowAlreadyFallsNoFurtherAndTheStepIsReady(By by) {
    long taskId = task("none left", Workflow.named(name()).step("s0").step("s1", "s0").step("s2", "s1"));
    long child = ClaimedStep.stepId(taskId, 1);
    setWaitingOn(child, 0);

    by.satisfy(paths.newProcess(), List.of(ClaimedStep.stepId(taskId, 0)), Set.of());
  }

  @ParameterizedTest
  @EnumSource(By.class)
  void ofMoreParentsThanACounterSaysAllAreSatisfied(By by) {
    long taskId = task("two at once", Workflow.named(name()).step("s0").step("s1").step("s2", "s0", "s1").step("s3", "s2"));
    setWaitingOn(ClaimedStep.stepId(taskId, 2), 1);

    by.satisfy(paths.newProcess(), List.of(ClaimedStep.stepId(taskId, 0), ClaimedStep.stepId(taskId, 1)), Set.of());
  }

  static Stream<Arguments> waysAndStates() {
    Set<StepState> begun = EnumSet.of(StepState.ENQUEUED, StepState.IN_PROGRESS, StepState.WAITING_FOR_RETRY, StepState.COMPLETE,
        StepState.ERROR, StepState.RESOLVED_MANUALLY);
    return Stream.of(By.values()).flatMap(by -> begun.stream().map(state -> Arguments.of(by, state)));
  }

  @ParameterizedTest
  @MethodSource("waysAndStates")
  void aStepThatBecameReadyTooEarlyIsLeftAloneByItsLastParent(By by, StepState state) {
    long taskId = task("too early", Workflow.named(name()).step("s0").step("s1").step("s2", "s0", "s1").step("s3", "s2"));
    long process = paths.newProcess();
    long child = ClaimedStep.stepId(taskId, 2);
    setWaitingOn(child, 1);
    By.A_PERSON.satisfy(process, List.of(ClaimedStep.stepId(taskId, 0)), Set.of());
    bring(process, child, state);

    by.satisfy(process, List.of(ClaimedStep.stepId(taskId, 1)), Set.of(child));
  }

  private static void bring(long process, long stepId, StepState to) {
    switch (to) {
      case ENQUEUED -> {}
      case RESOLVED_MANUALLY -> tasks.resolveStep(stepId, null, "done by hand");
      case IN_PROGRESS -> tasks.claim(process, stepId);
      default -> {
        tasks.claim(process, stepId);
        boolean failed = to != StepState.COMPLETE;
        tasks.record(process, List.of(new StepOutcome(stepId, tasks.step(stepId).fence, to, failed ? null : Json.of("{\"n\": 2}"),
            failed ? Json.of("{\"n\": 2}") : null, to == StepState.WAITING_FOR_RETRY ? 0L : null, failed ? "it failed" : null)),
            Set.of());
      }
    }
  }
}
