package io.taskercore.store;

import io.taskercore.model.ClaimedStep;
import io.taskercore.model.Json;
import io.taskercore.model.StepState;
import io.taskercore.model.Transition;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Changes of single steps outside the hot path, by operators and after a crash. Every method is called inside a transaction
 * that holds the task's lock, and the task is settled at its end; those that change something return what they logged.
 */
public final class StepChanges {

  /** A step's row, locked until the transaction ends. */
  public record LockedStep(
      long taskId, long stepId, String name, StepState state, int waitingOn, int attempts, int maxAttempts, int crashes, int maxCrashes) {}

  private final TransitionLog log = new TransitionLog();

  /** Locks a step: its queue row first, which waits for a claim that is under way, then its own. */
  public Optional<LockedStep> lock(Connection connection, long stepId) throws SQLException {
    String queue = "SELECT 1 FROM tasker.step_queue WHERE task_id = ? AND step_id = ? FOR UPDATE";
    try (PreparedStatement statement = connection.prepareStatement(queue)) {
      statement.setLong(1, ClaimedStep.taskIdOf(stepId));
      statement.setLong(2, stepId);
      statement.execute();
    }
    String sql = """
        SELECT task_id, step_id, name, state, waiting_on, attempts, max_attempts, crashes, max_crashes
        FROM tasker.workflow_steps
        WHERE task_id = ? AND step_id = ?
        FOR NO KEY UPDATE""";
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      statement.setLong(1, ClaimedStep.taskIdOf(stepId));
      statement.setLong(2, stepId);
      try (ResultSet row = statement.executeQuery()) {
        return row.next() ? Optional.of(lockedStep(row)) : Optional.empty();
      }
    }
  }

  /** Lets the step run at once, with one attempt more than it had. */
  public Transition retry(Connection connection, LockedStep step) throws SQLException {
    String sql = """
        UPDATE tasker.workflow_steps
        SET state = 'enqueued', max_attempts = max_attempts + 1, next_run_at = NULL, completed_at = NULL
        WHERE task_id = ? AND step_id = ?""";
    update(connection, sql, step);
    enqueue(connection, step);
    return log.step(
        connection, step.taskId(), step.stepId(), step.state().wire(), StepState.ENQUEUED.wire(), step.attempts(), "retry_step");
  }

  /** Ends the step by decision of a person; its result is what its children read. */
  public List<Transition> resolve(Connection connection, LockedStep step, Json result, String reason) throws SQLException {
    dequeue(connection, step);
    String sql = """
        UPDATE tasker.workflow_steps
        SET state = 'resolved_manually', result = ?::json, next_run_at = NULL, completed_at = tasker.now()
        WHERE task_id = ? AND step_id = ?""";
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      statement.setString(1, result == null ? null : result.text());
      statement.setLong(2, step.taskId());
      statement.setLong(3, step.stepId());
      statement.executeUpdate();
    }
    List<Transition> logged = new ArrayList<>();
    logged.add(log.step(
        connection, step.taskId(), step.stepId(), step.state().wire(), StepState.RESOLVED_MANUALLY.wire(), step.attempts(),
        reason));
    logged.addAll(satisfyChildren(connection, step));
    return logged;
  }

  /** Takes the step from a process that is gone: it may run again, unless too many have died under it. */
  public Transition crashed(Connection connection, LockedStep step) throws SQLException {
    boolean again = step.crashes() + 1 < step.maxCrashes();
    String sql = again
        ? """
        UPDATE tasker.workflow_steps
        SET state = 'enqueued', crashes = crashes + 1, process_id = NULL
        WHERE task_id = ? AND step_id = ?"""
        : """
        UPDATE tasker.workflow_steps
        SET state = 'error', crashes = crashes + 1, process_id = NULL, completed_at = tasker.now(),
            error = json_build_object('class', 'TaskerCore::CrashLimit', 'message',
              'the process died under this step ' || (crashes + 1) || ' times', 'error_code', 'crash_limit',
              'retryable', false, 'context', json_build_object(), 'backtrace', json_build_array())
        WHERE task_id = ? AND step_id = ?""";
    update(connection, sql, step);
    if (again) {
      enqueue(connection, step);
    }
    StepState to = again ? StepState.ENQUEUED : StepState.ERROR;
    String reason = again ? "lease_lapsed" : "crash_limit";
    return log.step(connection, step.taskId(), step.stepId(), step.state().wire(), to.wire(), step.attempts(), reason);
  }

  /** Brings back what fail_fast had cancelled in a task that comes to life again. */
  public List<Transition> revive(Connection connection, long taskId) throws SQLException {
    String sql = """
        WITH alive AS (
          UPDATE tasker.tasks SET failing = false WHERE task_id = ?
        ), revived AS (
          UPDATE tasker.workflow_steps
          SET state = CASE WHEN waiting_on = 0 THEN 'enqueued' ELSE 'pending' END, completed_at = NULL
          WHERE task_id = ? AND state = 'cancelled'
          RETURNING task_id, step_id, state, attempts, handler, tasker.last_chance(crashes, max_crashes) AS last_chance
        ), queued AS (
          INSERT INTO tasker.step_queue (task_id, step_id, state, priority, run_at, namespace, handler, last_chance)
          SELECT r.task_id, r.step_id, r.state, t.priority, tasker.now(), t.namespace, r.handler, r.last_chance
          FROM revived r
          JOIN tasker.tasks t ON t.task_id = r.task_id
          WHERE r.state = 'enqueued'
        )
        INSERT INTO tasker.transitions (task_id, step_id, from_state, to_state, attempt, at, reason)
        SELECT task_id, step_id, 'cancelled', state, NULLIF(attempts, 0), tasker.now(), 'revived'
        FROM revived
        ORDER BY step_id""" + TransitionLog.RETURNING;
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      statement.setLong(1, taskId);
      statement.setLong(2, taskId);
      return TransitionLog.read(statement);
    }
  }

  private static List<Transition> satisfyChildren(Connection connection, LockedStep step) throws SQLException {
    String sql = """
        WITH lowered AS (
          UPDATE tasker.workflow_steps s
          SET waiting_on = s.waiting_on - 1,
              state = CASE WHEN s.state = 'pending' AND s.waiting_on = 1 THEN 'enqueued' ELSE s.state END
          FROM tasker.workflow_steps parent
          WHERE parent.task_id = ? AND parent.step_id = ?
            AND s.task_id = parent.task_id
            AND s.step_id IN (SELECT (parent.task_id << 16) + c.ordinal FROM unnest(parent.children) AS c(ordinal))
          RETURNING s.task_id, s.step_id, s.state, s.handler
        ), queued AS (
          INSERT INTO tasker.step_queue (task_id, step_id, state, priority, run_at, namespace, handler)
          SELECT l.task_id, l.step_id, l.state, t.priority, tasker.now(), t.namespace, l.handler
          FROM lowered l
          JOIN tasker.tasks t ON t.task_id = l.task_id
          WHERE l.state = 'enqueued'
        )
        INSERT INTO tasker.transitions (task_id, step_id, from_state, to_state, at)
        SELECT task_id, step_id, 'pending', 'enqueued', tasker.now()
        FROM lowered
        WHERE state = 'enqueued'
        ORDER BY step_id""" + TransitionLog.RETURNING;
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      statement.setLong(1, step.taskId());
      statement.setLong(2, step.stepId());
      return TransitionLog.read(statement);
    }
  }

  private static void enqueue(Connection connection, LockedStep step) throws SQLException {
    String sql = """
        INSERT INTO tasker.step_queue (task_id, step_id, state, priority, run_at, namespace, handler, last_chance)
        SELECT s.task_id, s.step_id, 'enqueued', t.priority, tasker.now(), t.namespace, s.handler,
          tasker.last_chance(s.crashes, s.max_crashes)
        FROM tasker.workflow_steps s
        JOIN tasker.tasks t ON t.task_id = s.task_id
        WHERE s.task_id = ? AND s.step_id = ?
        ON CONFLICT (task_id, step_id) DO UPDATE
        SET state = 'enqueued', run_at = excluded.run_at, last_chance = excluded.last_chance""";
    update(connection, sql, step);
  }

  private static void dequeue(Connection connection, LockedStep step) throws SQLException {
    update(connection, "DELETE FROM tasker.step_queue WHERE task_id = ? AND step_id = ?", step);
  }

  private static void update(Connection connection, String sql, LockedStep step) throws SQLException {
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      statement.setLong(1, step.taskId());
      statement.setLong(2, step.stepId());
      statement.executeUpdate();
    }
  }

  /** The steps of these that are still held by one of the given processes, after their tasks were locked. */
  public List<LockedStep> stillHeld(Connection connection, long taskId, List<Long> stepIds, List<Long> processIds)
      throws SQLException {
    String sql = """
        SELECT task_id, step_id, name, state, waiting_on, attempts, max_attempts, crashes, max_crashes
        FROM tasker.workflow_steps
        WHERE task_id = ? AND step_id = ANY (?) AND state = 'in_progress' AND process_id = ANY (?)
        ORDER BY step_id
        FOR NO KEY UPDATE""";
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      statement.setLong(1, taskId);
      statement.setArray(2, Rows.bigints(connection, stepIds));
      statement.setArray(3, Rows.bigints(connection, processIds));
      try (ResultSet row = statement.executeQuery()) {
        List<LockedStep> steps = new ArrayList<>();
        while (row.next()) {
          steps.add(lockedStep(row));
        }
        return steps;
      }
    }
  }

  private static LockedStep lockedStep(ResultSet row) throws SQLException {
    return new LockedStep(
        row.getLong("task_id"),
        row.getLong("step_id"),
        row.getString("name"),
        StepState.of(row.getString("state")),
        row.getInt("waiting_on"),
        row.getInt("attempts"),
        row.getInt("max_attempts"),
        row.getInt("crashes"),
        row.getInt("max_crashes"));
  }
}
