package io.taskercore.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.taskercore.model.Json;
import io.taskercore.testing.Await;
import io.taskercore.testing.Engine;
import io.taskercore.testing.Handlers;
import io.taskercore.testing.Handlers.Failed;
import io.taskercore.testing.RunningWorker;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Workers take what is ready, of any task, and lose nothing. */
@SuppressWarnings("try") // a worker works without being referred to
class WorkerTest {

  /** Longer than any test: what happens sooner was not found by polling. */
  private static final Map<String, Object> HARDLY_POLLS = Map.of("poll_interval_ms", 600_000);

  @RegisterExtension
  final Engine engine = Engine.start();

  private long task(String shape, String extra) {
    return engine.initialize("""
        {"namespace": "shapes", "task_name": "%s"%s}""".formatted(shape, extra)).get("task_id").asLong();
  }

  private List<Long> tasks(String shape, int count) {
    List<Json> requests = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      requests.add(Json.of("{\"namespace\": \"shapes\", \"task_name\": \"" + shape + "\"}"));
    }
    List<Long> ids = new ArrayList<>();
    Engine.tree(engine.coordinator().tasks().initializeTasks(requests)).forEach(task -> ids.add(task.get("task_id").asLong()));
    return ids;
  }

  private void awaitEnd(List<Long> taskIds) {
    Await.until("the end of all tasks", () -> engine.database().number("""
        SELECT count(*) FROM tasker.tasks WHERE state IN ('pending', 'in_progress')""") == 0);
    assertThat(taskIds).allSatisfy(id -> assertThat(engine.status(id)).isIn("complete", "error"));
  }

  @Test
  void aWorkerCompletesTasksOfEveryShape() {
    engine.handlers().on("Square", attempt -> Json.EMPTY_OBJECT);
    List<Long> ids = new ArrayList<>();
    for (String shape : List.of("linear", "diamond", "tree", "mixed", "order", "roots", "fan", "chain")) {
      engine.register(shape);
      ids.addAll(tasks(shape, 5));
    }

    try (RunningWorker worker = RunningWorker.start(engine.coordinator(), engine.handlers())) {
      awaitEnd(ids);
    }

    assertThat(ids).allSatisfy(id -> assertThat(engine.status(id)).isEqualTo("complete"));
  }

  @Test
  void twoProcessesShareTheWorkAndRunNoStepTwice() {
    Map<Long, AtomicInteger> runs = new ConcurrentHashMap<>();
    Handlers.Handler counting = attempt -> {
      runs.computeIfAbsent(attempt.stepId(), id -> new AtomicInteger()).incrementAndGet();
      return Json.EMPTY_OBJECT;
    };
    engine.handlers().on("Square", counting);
    Handlers others = new Handlers().on("Square", counting);
    engine.register("mixed");
    List<Long> ids = tasks("mixed", 300);

    try (RunningWorker one = RunningWorker.start(engine.coordinator(), engine.handlers());
        RunningWorker two = RunningWorker.start(engine.otherProcess("second", others, Map.of()), others)) {
      awaitEnd(ids);
    }

    assertThat(runs).hasSize(300 * 7);
    assertThat(runs.values()).allSatisfy(count -> assertThat(count.get()).isEqualTo(1));
  }

  @Test
  void workThatAnotherProcessMakesIsHeardOfWithoutPolling() {
    engine.register("linear");
    Handlers handlers = new Handlers().on("Square", attempt -> Json.EMPTY_OBJECT);
    try (RunningWorker worker = RunningWorker.start(engine.otherProcess("deaf", handlers, HARDLY_POLLS), handlers)) {
      Await.until("an idle worker", () -> engine.database().number("""
          SELECT count(*) FROM pg_stat_activity
          WHERE datname = current_database() AND query LIKE 'LISTEN%'""") == 1);

      awaitEnd(tasks("linear", 3));
    }
  }

  @Test
  void aRetryIsNotLateBecauseTheWorkerHardlyPolls() {
    engine.restart(HARDLY_POLLS);
    engine.handlers().on("Square", attempt -> {
      if (attempt.attempt() < 3) {
        throw Failed.transiently("again");
      }
      return Json.EMPTY_OBJECT;
    });
    engine.register("linear");
    try (RunningWorker worker = RunningWorker.start(engine.coordinator(), engine.handlers())) {
      awaitEnd(tasks("linear", 2));
    }
  }

  @Test
  void higherPriorityGoesFirstThenTheOlderTask() {
    engine.restart(Map.of("max_parallel_steps", 1));
    List<Long> order = new CopyOnWriteArrayList<>();
    engine.handlers().on("Square", attempt -> {
      order.add(attempt.taskId());
      return Json.EMPTY_OBJECT;
    });
    engine.register("single");
    long low = task("single", ", \"priority\": -5");
    long first = task("single", "");
    long second = task("single", "");
    long high = task("single", ", \"priority\": 100");

    try (RunningWorker worker = RunningWorker.start(engine.coordinator(), engine.handlers())) {
      awaitEnd(List.of(low, first, second, high));
    }

    assertThat(order).containsExactly(high, first, second, low);
  }

  @Test
  void onlyItsNamespacesAreWorkedOn() {
    engine.restart(Map.of("namespaces", List.of("shapes")));
    engine.handlers().on("Square", attempt -> Json.EMPTY_OBJECT);
    engine.register("single");
    engine.coordinator().tasks().registerTemplate(Json.of("""
        {"namespace": "elsewhere", "name": "single", "version": "1.0.0", "steps": [{"name": "only", "handler": "Square"}]}"""));
    long foreign = engine.initialize("{\"namespace\": \"elsewhere\", \"task_name\": \"single\"}").get("task_id").asLong();
    long own = task("single", "");

    try (RunningWorker worker = RunningWorker.start(engine.coordinator(), engine.handlers())) {
      Await.until("the end of our own task", () -> engine.status(own).equals("complete"));
    }

    assertThat(engine.status(foreign)).isEqualTo("pending");
  }

  @Test
  void aStepWithoutHandlerWaitsForAProcessThatHasIt() {
    engine.register("single");
    long taskId = task("single", "");
    Handlers able = new Handlers().on("Square", attempt -> Json.EMPTY_OBJECT);
    try (RunningWorker unable = RunningWorker.start(engine.coordinator(), engine.handlers())) {
      Await.until("a look at the queue", () -> Engine.tree(unable.worker().stats()).get("state").asString().equals("running"));
      assertThat(engine.state(taskId, "only")).isEqualTo("enqueued");

      try (RunningWorker worker = RunningWorker.start(engine.otherProcess("able", able, Map.of()), able)) {
        awaitEnd(List.of(taskId));
      }
    }
    assertThat(engine.step(taskId, "only").get("attempts").asInt()).isEqualTo(1);
  }

  @Test
  void stoppingLetsRunningHandlersEndAndGivesTheRestBack() throws Exception {
    engine.restart(Map.of("max_parallel_steps", 2));
    CountDownLatch began = new CountDownLatch(2);
    CountDownLatch mayEnd = new CountDownLatch(1);
    engine.handlers().on("Square", attempt -> {
      began.countDown();
      mayEnd.await();
      return Json.EMPTY_OBJECT;
    });
    engine.register("single");
    List<Long> ids = tasks("single", 20);
    RunningWorker worker = RunningWorker.start(engine.coordinator(), engine.handlers());
    assertThat(began.await(20, TimeUnit.SECONDS)).isTrue();

    worker.worker().quiet();
    mayEnd.countDown();

    assertThat(worker.stop(20_000)).isTrue();
    Set<String> states = ConcurrentHashMap.newKeySet();
    Await.until("claims given back", () -> engine.database().number(
        "SELECT count(*) FROM tasker.workflow_steps WHERE state = 'in_progress'") == 0);
    ids.forEach(id -> states.add(engine.state(id, "only")));
    assertThat(states).contains("complete").isSubsetOf("complete", "enqueued");
  }

  @Test
  void stoppingInterruptsWhatDoesNotEndAndGivesItBack() throws Exception {
    CountDownLatch began = new CountDownLatch(1);
    CountDownLatch interrupted = new CountDownLatch(1);
    engine.handlers().on("Square", attempt -> {
      began.countDown();
      try {
        Thread.sleep(600_000);
      } catch (InterruptedException stop) {
        interrupted.countDown();
      }
      return Json.EMPTY_OBJECT;
    });
    engine.register("single");
    long taskId = task("single", "");
    RunningWorker worker = RunningWorker.start(engine.coordinator(), engine.handlers());
    assertThat(began.await(20, TimeUnit.SECONDS)).isTrue();

    assertThat(worker.stop(0)).isFalse();

    assertThat(interrupted.await(20, TimeUnit.SECONDS)).isTrue();
    Await.until("the step given back", () -> engine.state(taskId, "only").equals("enqueued"));
    assertThat(engine.step(taskId, "only").get("attempts").asInt()).isEqualTo(1);
  }

  @Test
  void aWorkerOutlivesTheLossOfAllItsConnections() {
    engine.handlers().on("Square", attempt -> Json.EMPTY_OBJECT);
    engine.register("chain");
    List<Long> ids = tasks("chain", 10);
    try (RunningWorker worker = RunningWorker.start(engine.coordinator(), engine.handlers())) {
      for (int i = 0; i < 5; i++) {
        long progress = engine.database().number("SELECT count(*) FROM tasker.transitions");
        Await.until("some progress", () -> engine.database().number("SELECT count(*) FROM tasker.transitions") > progress
            || engine.database().number("SELECT count(*) FROM tasker.tasks WHERE state = 'in_progress'") == 0);
        engine.database().endSessions();
      }
      // The coordinator's own reads may still meet a connection that is lost, which is not what this is about.
      Await.until("all tasks complete", () -> engine.database().number(
          "SELECT count(*) FROM tasker.tasks WHERE state = 'complete'") == ids.size());
    }
  }
}
