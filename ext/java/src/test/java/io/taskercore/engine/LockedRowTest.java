package io.taskercore.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.taskercore.testing.Await;
import io.taskercore.testing.Engine;
import io.taskercore.testing.Gate;
import io.taskercore.testing.Handlers;
import io.taskercore.testing.RunningWorker;
import io.taskercore.testing.Workflow;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Somebody keeps a row locked for as long as they like: that delays one task, and nothing else. */
class LockedRowTest {

  /** One recorder, and a lease that is soon over. */
  private static final Map<String, Object> SETTINGS = Map.of("database_pool_size", 5, "lease_ms", 600);

  /** A process that renews nothing by itself while a test looks. */
  private static final Map<String, Object> DROWSY =
      Map.of("database_pool_size", 5, "lease_ms", 3_600_000, "shutdown_timeout_ms", 0);

  @RegisterExtension
  final Engine engine = Engine.start(SETTINGS);

  /** A session that locks something, and does nothing more. */
  private final class Holder implements AutoCloseable {
    private final Connection connection = engine.database().dataSource().getConnection();
    private final String pid;

    Holder(String sql) throws SQLException {
      connection.setAutoCommit(false);
      try (Statement statement = connection.createStatement()) {
        statement.execute(sql);
        try (var row = statement.executeQuery("SELECT pg_backend_pid()")) {
          row.next();
          pid = row.getString(1);
        }
      }
    }

    void letGo() throws SQLException {
      connection.rollback();
    }

    @Override
    public void close() throws SQLException {
      letGo();
      connection.close();
    }
  }

  private Holder locking(String row, long taskId, String step) throws SQLException {
    return new Holder(switch (row) {
      case "task" -> "SELECT 1 FROM tasker.tasks WHERE task_id = " + taskId + " FOR UPDATE";
      case "step" -> "SELECT 1 FROM tasker.workflow_steps WHERE step_id = " + engine.stepId(taskId, step) + " FOR UPDATE";
      case "queue" -> "SELECT 1 FROM tasker.step_queue WHERE task_id = " + taskId + " FOR UPDATE";
      default -> throw new IllegalArgumentException(row);
    });
  }

  private long sessions() {
    return engine.database().number("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()");
  }

  private void othersMove(int tasks) {
    Workflow other = Workflow.named("other").step("x").step("y", "x").step("z", "x");
    engine.register(other);
    for (int i = 0; i < tasks; i++) {
      long taskId = engine.initialize("{\"task_name\": \"other\"}").get("task_id").asLong();
      assertThat(engine.run(taskId).get("status").asString()).isEqualTo("complete");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"task", "own step", "child"})
  void resultsOfOthersAreRecordedWhileARowOfOneTaskIsLocked(String row) throws SQLException {
    Gate gate = Gate.closed();
    engine.handlers().on("a", gate).succeed("b", "c", "x", "y", "z");
    long taskId = engine.task(Workflow.named("w").step("a").step("b", "a").step("c", "a"));
    try (Engine.Background run = engine.inBackground(taskId)) {
      gate.awaitEntered();
      try (Holder holder = row.equals("task") ? locking("task", taskId, null) : locking("step", taskId, row.equals("child") ? "c" : "a")) {
        gate.openAndAwaitLeft();
        Await.until("the result waits", () -> engine.coordinator().runtime().outcomesWaiting() > 0);

        othersMove(10);

        Await.until("health names the session", () -> engine.coordinator().questions().health().text().contains("process id " + holder.pid));
        assertThat(Engine.tree(engine.coordinator().questions().health()).get("status").asString()).isEqualTo("degraded");
        assertThat(engine.state(taskId, "a")).isEqualTo("in_progress");
        assertThat(sessions()).isLessThanOrEqualTo(9);
      }
      assertThat(run.outcome().get("status").asString()).isEqualTo("complete");
    }
    assertThat(engine.history(taskId, "a")).containsExactly("in_progress", "complete");
    assertThat(Engine.tree(engine.coordinator().questions().health()).get("status").asString()).isEqualTo("ok");
  }

  @Test
  void aPreparedTransactionIsNamed() throws SQLException {
    Gate gate = Gate.closed();
    engine.handlers().on("a", gate).succeed("x", "y", "z");
    long taskId = engine.task(Workflow.named("w").step("a"));
    String gid = engine.database().name() + " gid";
    try (Engine.Background run = engine.inBackground(taskId)) {
      gate.awaitEntered();
      try (Holder preparing = locking("task", taskId, null); Statement statement = preparing.connection.createStatement()) {
        statement.execute("PREPARE TRANSACTION '" + gid + "'");
      }
      try {
        gate.openAndAwaitLeft();

        othersMove(3);

        Await.until("health names the prepared transaction", () -> engine.coordinator().questions().health().text().contains(gid));
      } finally {
        engine.database().execute("ROLLBACK PREPARED '" + gid + "'");
      }
      assertThat(run.outcome().get("status").asString()).isEqualTo("complete");
    }
  }

  /** More locked tasks at the head of the queue than there is room for. */
  @Test
  void aWorkerClaimsWhatIsBehindPendingTasksThatAreLocked() throws SQLException {
    engine.handlers().succeed("a", "b");
    engine.register(Workflow.named("w").step("a").step("b"));
    List<Long> locked = new ArrayList<>();
    for (int i = 0; i < 400; i++) {
      locked.add(engine.initialize("{\"task_name\": \"w\"}").get("task_id").asLong());
    }
    String ids = locked.toString().replace('[', '(').replace(']', ')');
    try (Holder holder = new Holder("SELECT 1 FROM tasker.tasks WHERE task_id IN " + ids + " FOR UPDATE");
        RunningWorker worker = RunningWorker.start(engine.coordinator(), engine.handlers())) {
      assertThat(holder.pid).isNotNull();
      assertThat(worker.worker().isRunning()).isTrue();

      long behind = engine.initialize("{\"task_name\": \"w\"}").get("task_id").asLong();

      Await.until("the task behind has run", () -> engine.status(behind).equals("complete"));
      holder.letGo();
      Await.until("all have run", () -> locked.stream().allMatch(taskId -> engine.status(taskId).equals("complete")));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"task", "step"})
  void stepsOfADeadProcessRunElsewhereButThoseThatAreLocked(String row) throws SQLException {
    Handlers theirs = new Handlers();
    Gate lost = Gate.deaf("{}");
    theirs.on("a", lost);
    Coordinator dead = engine.otherProcess("dead", theirs, DROWSY);
    long first = engine.task(Workflow.named("w").step("a"));
    long second = engine.task(Workflow.named("w").step("a"));
    try (Engine.Background one = Engine.inBackground(dead, theirs, first, null);
        Engine.Background two = Engine.inBackground(dead, theirs, second, null)) {
      lost.awaitEntered(2);
      assertThat(one.isOver() || two.isOver()).isFalse();
      engine.handlers().succeed("a", "x", "y", "z");
      try (Holder holder = locking(row, first, "a")) {
        assertThat(holder.pid).isNotNull();
        engine.database().execute("UPDATE tasker.processes SET lease_until = now() - interval '1 hour'");
        othersMove(1);

        assertThat(engine.run(second).get("status").asString()).isEqualTo("complete");
        assertThat(engine.state(first, "a")).isEqualTo("in_progress");
      }
      assertThat(engine.run(first).get("status").asString()).isEqualTo("complete");
      lost.openAndAwaitLeft();
    }
    assertThat(engine.history(first, "a")).containsExactly("in_progress", "enqueued(lease_lapsed)", "in_progress", "complete");
  }

  @Test
  void claimsOfOtherTasksAreGivenBackWhileOneIsLocked() throws SQLException {
    Gate gate = Gate.closed();
    Handlers theirs = new Handlers().on("a", gate);
    Coordinator closing = engine.otherProcess("closing", theirs, Map.of("max_parallel_steps", 4));
    engine.register(Workflow.named("w").step("a"));
    for (int i = 0; i < 20; i++) {
      engine.initialize("{\"task_name\": \"w\"}");
    }
    RunningWorker worker = RunningWorker.start(closing, theirs);
    gate.awaitEntered(4);
    String claimed = "SELECT count(*) FROM tasker.workflow_steps WHERE state = 'in_progress'";
    Await.until("more is claimed than runs", () -> engine.database().number(claimed) >= 6);
    long waits = engine.database().number("SELECT max(task_id) FROM tasker.workflow_steps WHERE state = 'in_progress'");
    try (Holder holder = locking("task", waits, null)) {
      assertThat(holder.pid).isNotNull();
      Thread stop = new Thread(() -> worker.stop(10_000));
      stop.start();

      Await.until("all but the locked one are given back", () -> engine.database().number(claimed) == 5);
      assertThat(engine.state(waits, "a")).isEqualTo("in_progress");
      gate.open();
      Await.until("stopped", () -> !stop.isAlive());
      assertThat(engine.database().number(claimed)).isEqualTo(1);
    }
    engine.awaitState(waits, "a", "enqueued");
  }

  /** What a process cannot record or give back before it ends is found by others as soon as it is free, and is no crash. */
  @Test
  void whatClosingLeavesLockedRunsElsewhereOnceItIsFree() throws SQLException {
    Gate gate = Gate.closed();
    Handlers theirs = new Handlers().on("a", gate);
    Coordinator closing = engine.otherProcess("closing", theirs, Map.of("database_pool_size", 5, "shutdown_timeout_ms", 200));
    long taskId = engine.task(Workflow.named("w").step("a"));
    Engine.Background run = Engine.inBackground(closing, theirs, taskId, null);
    gate.awaitEntered();
    engine.handlers().succeed("a", "x", "y", "z");
    othersMove(1);
    try (Holder holder = locking("task", taskId, null)) {
      assertThat(holder.pid).isNotNull();
      gate.openAndAwaitLeft();

      closing.close();

      assertThat(engine.state(taskId, "a")).isEqualTo("in_progress");
      othersMove(3);
    }
    assertThat(engine.run(taskId).get("status").asString()).isEqualTo("complete");
    assertThat(engine.history(taskId, "a")).containsExactly("in_progress", "enqueued(interrupted)", "in_progress", "complete");
    assertThat(engine.step(taskId, "a").get("attempts").asInt()).isEqualTo(2);
    run.close();
  }

  @Test
  void theSweeperLeavesALockedTaskForLater() throws SQLException {
    engine.handlers().succeed("a");
    Workflow workflow = Workflow.named("w").step("a").step("b", "a");
    long first = engine.task(workflow);
    long second = engine.task(workflow);
    engine.database().execute("UPDATE tasker.tasks SET active_steps = 2");
    try (Holder holder = locking("task", first, null)) {
      assertThat(holder.pid).isNotNull();
      sweep();

      assertThat(activeSteps(first)).isEqualTo(2);
      assertThat(activeSteps(second)).isEqualTo(1);
    }
    sweep();
    assertThat(activeSteps(first)).isEqualTo(1);
  }

  private void sweep() {
    CoreRuntime runtime = engine.coordinator().runtime();
    runtime.sweeper(runtime::processId, orphaned -> {}, ours -> {}).round();
  }

  private long activeSteps(long taskId) {
    return engine.database().number("SELECT active_steps FROM tasker.tasks WHERE task_id = " + taskId);
  }
}
