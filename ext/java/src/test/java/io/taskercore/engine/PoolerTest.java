package io.taskercore.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.taskercore.config.OrchestrationConfig;
import io.taskercore.model.Json;
import io.taskercore.store.Database;
import io.taskercore.store.Migrations;
import io.taskercore.testing.Await;
import io.taskercore.testing.Engine;
import io.taskercore.testing.Handlers;
import io.taskercore.testing.Handlers.Failed;
import io.taskercore.testing.RunningWorker;
import io.taskercore.testing.TestDatabase;
import io.taskercore.testing.Pooler;
import io.taskercore.testing.Workflow;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import tools.jackson.databind.JsonNode;

/** The engine behind a pooler that lends a session for one transaction only. */
class PoolerTest {

  @RegisterExtension
  final Engine engine = Engine.start();

  private final Pooler pooler = Pooler.lendingForTransactions(engine.database(), 3);
  private final Handlers handlers = new Handlers();

  @AfterEach
  void hangUp() {
    pooler.close();
  }

  private Coordinator behindThePooler(String mode, Object... settings) {
    Map<String, Object> all = new HashMap<>(Map.of("connection_mode", mode, "poll_interval_ms", 50, "lease_ms", 600));
    for (int i = 0; i < settings.length; i += 2) {
      all.put((String) settings[i], settings[i + 1]);
    }
    return engine.through(pooler.port(), handlers, all);
  }

  /** The driver prepares at the fifth time; what is prepared on a session is missed on another. */
  @Test
  void inDirectModeItIsFoundOutAndTheProcessWorksAsInPoolerModeAndSaysSo() {
    handlers.succeed("a");
    Coordinator direct = behindThePooler("direct");
    engine.register(Workflow.named("w").step("a"));

    for (int i = 0; i < 20; i++) {
      direct.operators().cancelTask(engine.initialize("{\"task_name\": \"w\"}").get("task_id").asLong(), "not needed");
      long taskId = engine.initialize("{\"task_name\": \"w\"}").get("task_id").asLong();
      assertThat(Engine.run(direct, handlers, taskId, null).get("status").asString()).isEqualTo("complete");
    }

    JsonNode health = Engine.tree(direct.questions().health());
    assertThat(health.get("status").asString()).isEqualTo("degraded");
    assertThat(health.get("reasons").get(0).asString()).contains("connection_mode is direct, but a pooler", "connection_mode: pooler");
    assertThat(health.get("connection_mode").asString()).isEqualTo("pooler");
    assertThat(pooler.leftovers()).isEmpty();
  }

  /** As where its configuration is changed and loaded again under living clients. */
  @Test
  void whereAPoolerBeginsToLendForTransactionsUnderWayHealthSaysSoAndNothingIsLost() {
    handlers.succeed("a", "b");
    try (Pooler changing = Pooler.lendingForSessions(engine.database(), 30)) {
      Coordinator direct = engine.through(
          changing.port(), handlers, Map.of("connection_mode", "direct", "poll_interval_ms", 50, "database_pool_size", 4));
      engine.register(Workflow.named("w").step("a").step("b", "a"));
      try (RunningWorker running = RunningWorker.start(direct, handlers)) {
        List<Long> taskIds = new ArrayList<>();
        some(taskIds, 50);
        awaitEnd(taskIds);
        assertThat(Engine.tree(direct.questions().health()).get("status").asString()).isEqualTo("ok");

        changing.lendForTransactions(true);
        Await.until("health tells of the pooler", () -> {
          some(taskIds, 20);
          return Engine.tree(direct.questions().health()).get("reasons").toString().contains("configure that, or connect past the pooler");
        });
        JsonNode health = Engine.tree(direct.questions().health());
        assertThat(health.get("status").asString()).isEqualTo("degraded");
        assertThat(health.get("connection_mode").asString()).isEqualTo("pooler");
        Await.until("nothing listens", () -> Engine.tree(direct.questions().health()).get("listener").isNull());

        awaitEnd(taskIds);
        assertThat(changing.leftovers()).isNotEmpty();
        changing.leftovers().clear();
        some(taskIds, 20);
        awaitEnd(taskIds);
        assertThat(changing.leftovers()).isEmpty();
        assertThat(running.worker().isRunning()).isTrue();
      }
    }
  }

  private void some(List<Long> taskIds, int count) {
    for (int i = 0; i < count; i++) {
      taskIds.add(engine.initialize("{\"task_name\": \"w\"}").get("task_id").asLong());
    }
  }

  private void awaitEnd(List<Long> taskIds) {
    for (long taskId : taskIds) {
      Await.until("the end of task " + taskId, () -> engine.status(taskId).equals("complete"));
    }
  }

  @Test
  void aWorkerInPoolerModeWorksThroughEverything() {
    handlers.succeed("Square");
    Coordinator coordinator = behindThePooler("pooler", "max_parallel_steps", 20);
    List<Long> taskIds = new ArrayList<>();
    for (String shape : List.of("mixed", "tree", "order", "fan", "linear", "roots", "diamond")) {
      engine.register(shape);
      for (int i = 0; i < 5; i++) {
        taskIds.add(engine.task(shape, "{}"));
      }
    }

    try (RunningWorker running = RunningWorker.start(coordinator, handlers)) {
      awaitEnd(taskIds);
      assertThat(Engine.tree(running.worker().stats()).get("connection_mode").asString()).isEqualTo("pooler");
      JsonNode health = Engine.tree(coordinator.questions().health());
      assertThat(health.get("connection_mode").asString()).isEqualTo("pooler");
      assertThat(health.get("listener").isNull()).isTrue();
    }
    assertThat(engine.database().number("SELECT max(attempts) FROM tasker.workflow_steps")).isEqualTo(1);
  }

  @Test
  void whatOthersMakeIsFoundByPollingAlone() {
    handlers.succeed("late");
    Coordinator coordinator = behindThePooler("pooler");
    engine.register(Workflow.named("late").step("late"));

    try (RunningWorker running = RunningWorker.start(coordinator, handlers)) {
      for (int i = 0; i < 3; i++) {
        long taskId = engine.initialize("{\"task_name\": \"late\"}").get("task_id").asLong();
        Await.until("the end of task " + taskId, () -> engine.status(taskId).equals("complete"));
      }
      assertThat(running.worker().isRunning()).isTrue();
    }
  }

  @Test
  void retriesFailuresAndWhatOperatorsDoGoThroughToo() {
    handlers.succeed("a", "c")
        .on("again", attempt -> {
          if (attempt.attempt() < 3) {
            throw Failed.transiently("busy");
          }
          return Json.EMPTY_OBJECT;
        })
        .on("bad", attempt -> {
          if (attempt.attempt() == 1) {
            throw Failed.permanently("no");
          }
          return Json.EMPTY_OBJECT;
        });
    Coordinator coordinator = behindThePooler("pooler");
    long failing = engine.task(Workflow.named("w").failFast().step("a").step("bad", "a").step("c", "bad"));
    long retrying = engine.task(Workflow.named("v").step("again").step("c", "again"));
    long cancelled = engine.task(Workflow.named("u").step("nobodys"));

    assertThat(Engine.run(coordinator, handlers, failing, null).get("status").asString()).isEqualTo("error");
    coordinator.operators().retryStep(engine.stepId(failing, "bad"));
    assertThat(Engine.run(coordinator, handlers, failing, null).get("status").asString()).isEqualTo("complete");
    assertThat(Engine.run(coordinator, handlers, retrying, null).get("status").asString()).isEqualTo("complete");
    coordinator.operators().cancelTask(cancelled, "not needed");
    assertThat(engine.status(cancelled)).isEqualTo("cancelled");
  }

  @Test
  void theStepsOfADeadProcessAreTakenOver() {
    handlers.succeed("a");
    long taskId = engine.task(Workflow.named("w").step("a"));
    engine.database().execute("""
        WITH dead AS (
          INSERT INTO tasker.processes (host, pid, lease_until, handlers) VALUES ('gone', 1, now() - interval '1 minute', '{}')
          RETURNING process_id
        ), taken AS (DELETE FROM tasker.step_queue), begun AS (
          UPDATE tasker.tasks SET state = 'in_progress', started_at = now()
        ), claimed AS (
          UPDATE tasker.workflow_steps SET state = 'in_progress', attempts = 1, fence = 1, process_id = (SELECT process_id FROM dead)
          RETURNING task_id, step_id
        )
        INSERT INTO tasker.transitions (task_id, step_id, from_state, to_state, attempt, at)
        SELECT task_id, NULL, 'pending', 'in_progress', NULL::smallint, now() FROM claimed
        UNION ALL SELECT task_id, step_id, 'enqueued', 'in_progress', 1, now() FROM claimed""");
    Coordinator coordinator = behindThePooler("pooler");
    // A lease begins with the first claim, and with it the watch over others.
    Engine.run(coordinator, handlers, engine.task(Workflow.named("v").step("a")), null);

    assertThat(Engine.run(coordinator, handlers, taskId, null).get("status").asString()).isEqualTo("complete");
    assertThat(engine.history(taskId, "a")).containsExactly("in_progress", "enqueued(lease_lapsed)", "in_progress", "complete");
  }

  @Test
  void theSchemaIsMadeThroughThePooler() {
    try (TestDatabase empty = TestDatabase.create(); Pooler itsPooler = Pooler.lendingForTransactions(empty, 2)) {
      OrchestrationConfig config = OrchestrationConfig.fromJson(Json.of(
          "{\"database_url\": \"" + empty.urlThrough(itsPooler.port()) + "\", \"connection_mode\": \"pooler\"}"));
      Coordinator.migrate(config);
      Coordinator.migrate(config);

      new Migrations(new Database(empty.dataSource())).require();
    }
  }
}
