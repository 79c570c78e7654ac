package io.taskercore.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.taskercore.testing.Await;
import io.taskercore.testing.Engine;
import io.taskercore.testing.Invariants;
import io.taskercore.testing.RunningWorker;
import io.taskercore.testing.Workflow;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Counters and queue rows that somebody has spoiled, and a sweep that finds them; and what only looks spoiled for a moment. */
class SweeperTest {

  @RegisterExtension
  final Engine engine = Engine.start(Map.of("sweep_interval_ms", 100, "poll_interval_ms", 50));

  /** A process sweeps as soon as it has claimed something. */
  @BeforeEach
  void sweep() {
    engine.handlers().succeed("done", "a", "b", "c");
    engine.run(engine.task(Workflow.named("sweeping").step("done")));
  }

  /** One step is complete; another has no handler here, and two wait for it. */
  private long waitingTask() {
    long taskId = engine.task(Workflow.named("waiting").step("done").step("nobodys").step("a", "nobodys").step("b", "a", "done"));
    engine.run(taskId);
    return taskId;
  }

  private long healed() {
    return Engine.tree(engine.coordinator().questions().performanceMetrics()).get("healed").asLong();
  }

  private void spoil(String sql) {
    long before = healed();
    engine.database().execute(sql);
    Await.until("a task was put right", () -> healed() > before);
    Invariants.check(engine.database());
  }

  private void finish(long taskId) {
    engine.handlers().succeed("nobodys");
    assertThat(engine.run(taskId).get("status").asString()).isEqualTo("complete");
  }

  @Test
  void aTasksCountersAreCountedAnew() {
    long taskId = waitingTask();

    spoil("UPDATE tasker.tasks SET active_steps = 7, failed_steps = 3 WHERE task_id = " + taskId);

    finish(taskId);
  }

  @Test
  void aStepWaitsForAsManyParentsAsAreUnfinished() {
    long taskId = waitingTask();

    spoil("UPDATE tasker.workflow_steps SET waiting_on = 2 WHERE name = 'b' AND task_id = " + taskId);
    spoil("UPDATE tasker.workflow_steps SET waiting_on = 0 WHERE name = 'a' AND task_id = " + taskId);

    finish(taskId);
  }

  @Test
  void aStepThatWaitsForNothingIsEnqueued() {
    long taskId = waitingTask();
    engine.handlers().off("a");
    engine.handlers().succeed("nobodys");
    engine.run(taskId);
    // As if the last parent's end had not been noticed.
    engine.database().execute("""
        WITH dequeued AS (DELETE FROM tasker.step_queue), unlogged AS (
          DELETE FROM tasker.transitions l USING tasker.workflow_steps s
          WHERE l.step_id = s.step_id AND s.name = 'a' AND l.to_state = 'enqueued')
        UPDATE tasker.workflow_steps SET state = 'pending', waiting_on = 1 WHERE name = 'a'""");

    Await.until("the step is enqueued", () -> engine.state(taskId, "a").equals("enqueued"));
    assertThat(engine.history(taskId, "a")).containsExactly("enqueued(sweep)");
    engine.handlers().succeed("a");
    finish(taskId);
  }

  @Test
  void aStepThatIsNotQueuedIsQueued() {
    long taskId = waitingTask();

    spoil("DELETE FROM tasker.step_queue");

    finish(taskId);
  }

  @Test
  void aQueueRowOfAStepThatIsDoneIsRemovedAndRunsNothing() {
    long taskId = waitingTask();

    spoil("""
        INSERT INTO tasker.step_queue (task_id, step_id, state, priority, run_at, namespace, handler)
        SELECT task_id, step_id, 'enqueued', 0, now(), 'default', 'nobodys' FROM tasker.workflow_steps
        WHERE name = 'done' AND task_id = %d""".formatted(taskId));

    finish(taskId);
    assertThat(engine.handlers().ran()).filteredOn("done#1"::equals).hasSize(2);
  }

  @Test
  void aClaimTakesNothingThatIsDone() {
    long taskId = waitingTask();

    engine.database().execute("""
        INSERT INTO tasker.step_queue (task_id, step_id, state, priority, run_at, namespace, handler)
        SELECT task_id, step_id, 'enqueued', 0, now(), 'default', handler FROM tasker.workflow_steps
        WHERE name = 'done' AND task_id = %d""".formatted(taskId));
    finish(taskId);

    assertThat(engine.handlers().ran()).filteredOn("done#1"::equals).hasSize(2);
  }

  @Test
  void theQueueRowsOfAnEndedTaskAreRemovedAndItsEndStands() {
    long taskId = engine.task(Workflow.named("ended").step("a"));
    engine.run(taskId);

    spoil("""
        INSERT INTO tasker.step_queue (task_id, step_id, state, priority, run_at, namespace, handler)
        SELECT task_id, step_id, 'enqueued', 0, now(), 'default', 'nobodys' FROM tasker.workflow_steps
        WHERE task_id = %d""".formatted(taskId));

    assertThat(engine.status(taskId)).isEqualTo("complete");
    assertThat(engine.state(taskId, "a")).isEqualTo("complete");
  }

  @Test
  void aTaskThatHasNothingLeftToDoEnds() {
    long taskId = waitingTask();
    engine.database().execute("UPDATE tasker.tasks SET active_steps = active_steps + 1 WHERE task_id = " + taskId);
    engine.handlers().succeed("nobodys");
    engine.run(taskId, 20_000L);

    Await.until("the task ended", () -> engine.status(taskId).equals("complete"));
    // By the last step's result, if the sweep came before it.
    assertThat(engine.history(taskId)).isIn(List.of("in_progress", "complete"), List.of("in_progress", "complete(sweep)"));
  }

  @Test
  void whatWasPutRightBeforeTheLockWasHadIsLeftAlone() throws SQLException {
    long taskId = waitingTask();
    long before = healed();
    try (Connection other = engine.database().dataSource().getConnection(); Statement statement = other.createStatement()) {
      other.setAutoCommit(false);
      statement.execute("SELECT 1 FROM tasker.tasks WHERE task_id = " + taskId + " FOR NO KEY UPDATE");
      engine.database().execute("DELETE FROM tasker.step_queue");
      // Whoever holds the lock finishes what it has begun; the sweep has seen the half of it.
      Await.until("the sweep waits for the task", () -> engine.database().number("""
          SELECT count(*) FROM pg_stat_activity
          WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%tasker.tasks%'""") > 0);
      statement.execute("""
          INSERT INTO tasker.step_queue (task_id, step_id, state, priority, run_at, namespace, handler)
          SELECT task_id, step_id, 'enqueued', 0, now(), 'default', handler FROM tasker.workflow_steps
          WHERE name = 'nobodys' AND task_id = %d""".formatted(taskId));
      other.commit();
    }
    // A round that begins after this one has come to its end.
    long elsewhere = engine.task(Workflow.named("elsewhere").step("nobodys"));
    spoil("UPDATE tasker.tasks SET active_steps = 5 WHERE task_id = " + elsewhere);

    assertThat(healed()).isEqualTo(before + 1);
    finish(taskId);
  }

  @Test
  void underLoadNothingSeemsWrong() {
    engine.register("mixed");
    engine.register("tree");
    engine.handlers().succeed("Square");
    try (RunningWorker running = RunningWorker.start(engine.coordinator(), engine.handlers())) {
      for (int i = 0; i < 100; i++) {
        engine.task(i % 2 == 0 ? "mixed" : "tree", "{}");
      }
      Await.until("all tasks ended", () ->
          engine.database().number("SELECT count(*) FROM tasker.tasks WHERE state IN ('pending', 'in_progress')") == 0);
      assertThat(running.worker().isRunning()).isTrue();
    }

    assertThat(healed()).isZero();
  }

  @Test
  void aTaskThatCannotBePutRightKeepsNoOtherFromIt() {
    engine.handlers().succeed("a");
    Workflow workflow = Workflow.named("w").step("a");
    long first = engine.task(workflow);
    long second = engine.task(workflow);
    engine.database().execute("UPDATE tasker.tasks SET active_steps = 2 WHERE task_id IN (" + first + ", " + second + ")");
    engine.database().execute("""
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not this one'; END $$;
        CREATE TRIGGER refuse BEFORE UPDATE ON tasker.tasks FOR EACH ROW WHEN (NEW.task_id = %d) EXECUTE FUNCTION refuse()"""
        .formatted(first));
    CoreRuntime runtime = engine.coordinator().runtime();
    try {
      runtime.sweeper(runtime::processId, orphaned -> {}, ours -> {}).round();

      assertThat(engine.database().number("SELECT active_steps FROM tasker.tasks WHERE task_id = " + second)).isEqualTo(1);
    } finally {
      engine.database().execute("DROP TRIGGER refuse ON tasker.tasks; UPDATE tasker.tasks SET active_steps = 1 WHERE task_id = " + first);
    }
  }
}
