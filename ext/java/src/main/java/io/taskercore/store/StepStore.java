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
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Steps that are given back or cancelled, and their results. */
public final class StepStore {

  /**
   * Cancels what has not started of those tasks that fail fast and have failed. The caller holds the tasks' locks.
   *
   * <p>Two statements, for the first one waits for claims that are under way, and only a statement that begins after it sees
   * what they did.
   *
   * @param log what is cancelled is added to it
   * @return the ids of the tasks that had failed
   */
  public List<Long> failFast(Connection connection, Collection<Long> taskIds, List<Transition> log) throws SQLException {
    List<Long> failed = new ArrayList<>();
    String sql = """
        SELECT task_id FROM tasker.tasks
        WHERE task_id = ANY (?) AND failing AND state IN ('in_progress', 'error')
        ORDER BY task_id""";
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      statement.setArray(1, Rows.bigints(connection, taskIds));
      try (ResultSet row = statement.executeQuery()) {
        while (row.next()) {
          failed.add(row.getLong(1));
        }
      }
    }
    for (long taskId : failed) {
      log.addAll(cancel(connection, taskId, UNSTARTED, "fail_fast"));
    }
    return failed;
  }

  private static final List<StepState> UNSTARTED =
      List.of(StepState.PENDING, StepState.ENQUEUED, StepState.WAITING_FOR_RETRY);

  /**
   * Cancels the steps of a task that are in one of the given states, and logs it. The caller holds the task's lock and settles
   * the task afterwards.
   *
   * @return the entries in the log
   */
  public List<Transition> cancel(Connection connection, long taskId, Collection<StepState> states, String reason)
      throws SQLException {
    String dequeue = "DELETE FROM tasker.step_queue WHERE task_id = ?";
    try (PreparedStatement statement = connection.prepareStatement(dequeue)) {
      statement.setLong(1, taskId);
      statement.executeUpdate();
    }
    String sql = """
        WITH old AS MATERIALIZED (
          SELECT task_id, step_id, state
          FROM tasker.workflow_steps
          WHERE task_id = ? AND state = ANY (?)
          ORDER BY step_id
          FOR NO KEY UPDATE
        ), cancelled AS (
          UPDATE tasker.workflow_steps s
          SET state = 'cancelled', process_id = NULL, next_run_at = NULL, completed_at = tasker.now()
          FROM old
          WHERE s.task_id = old.task_id AND s.step_id = old.step_id
          RETURNING s.task_id, s.step_id, old.state AS from_state, s.attempts
        )
        INSERT INTO tasker.transitions (task_id, step_id, from_state, to_state, attempt, at, reason)
        SELECT task_id, step_id, from_state, 'cancelled', NULLIF(attempts, 0), tasker.now(), ?
        FROM cancelled
        ORDER BY step_id""" + TransitionLog.RETURNING;
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      statement.setLong(1, taskId);
      statement.setArray(2, Rows.texts(connection, states.stream().map(StepState::wire).toList()));
      statement.setString(3, reason);
      return TransitionLog.read(statement);
    }
  }

  /** Results of steps, by id; a step without one is absent. */
  public Map<Long, Json> results(Connection connection, Collection<Long> stepIds) throws SQLException {
    String sql = """
        SELECT s.step_id, s.result
        FROM unnest(?::bigint[]) AS wanted(step_id)
        JOIN tasker.workflow_steps s ON s.task_id = wanted.step_id >> 16 AND s.step_id = wanted.step_id
        WHERE s.result IS NOT NULL""";
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      statement.setArray(1, Rows.bigints(connection, stepIds));
      try (ResultSet row = statement.executeQuery()) {
        Map<Long, Json> results = new HashMap<>();
        while (row.next()) {
          results.put(row.getLong("step_id"), Rows.json(row, "result"));
        }
        return results;
      }
    }
  }

  /**
   * Gives claims back: anybody may run the steps at once.
   *
   * @param started false: the handlers never ran, so the attempts do not count
   * @return the entries in the log
   */
  public List<Transition> giveBack(Connection connection, Collection<ClaimedStep> claims, boolean started) throws SQLException {
    String sql = """
        WITH claim AS MATERIALIZED (
          SELECT * FROM unnest(?::bigint[], ?::integer[]) AS c(step_id, fence) ORDER BY 1
        ), locked AS MATERIALIZED (
          -- Else a task might be cancelled between the two changes: the queue would keep a row of a cancelled step.
          SELECT t.task_id
          FROM tasker.tasks t
          WHERE t.task_id IN (SELECT step_id >> 16 FROM claim)
          ORDER BY t.task_id
          FOR NO KEY UPDATE
        ), all_locked AS MATERIALIZED (
          SELECT count(*) AS tasks FROM locked
        ), returned AS (
          UPDATE tasker.workflow_steps s
          SET state = 'enqueued', attempts = s.attempts - ?, process_id = NULL
          FROM all_locked l
          JOIN claim c ON l.tasks > 0
          WHERE s.task_id = c.step_id >> 16 AND s.step_id = c.step_id AND s.fence = c.fence AND s.state = 'in_progress'
          RETURNING s.task_id, s.step_id, s.attempts, s.handler, tasker.last_chance(s.crashes, s.max_crashes) AS last_chance
        ), queued AS (
          INSERT INTO tasker.step_queue (task_id, step_id, state, priority, run_at, namespace, handler, last_chance)
          SELECT r.task_id, r.step_id, 'enqueued', t.priority, tasker.now(), t.namespace, r.handler, r.last_chance
          FROM returned r
          JOIN tasker.tasks t ON t.task_id = r.task_id
        )
        INSERT INTO tasker.transitions (task_id, step_id, from_state, to_state, attempt, at, reason)
        SELECT task_id, step_id, 'in_progress', 'enqueued', NULLIF(attempts, 0), tasker.now(), ?
        FROM returned
        ORDER BY step_id""" + TransitionLog.RETURNING;
    List<ClaimedStep> list = List.copyOf(claims);
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      statement.setArray(1, Rows.column(connection, "bigint", list, ClaimedStep::stepId));
      statement.setArray(2, Rows.column(connection, "integer", list, ClaimedStep::fence));
      statement.setInt(3, started ? 0 : 1);
      statement.setString(4, started ? "interrupted" : "given_back");
      return TransitionLog.read(statement);
    }
  }

  static ClaimedStep claimedStep(ResultSet row, boolean lastChance) throws SQLException {
    return new ClaimedStep(
        row.getLong("task_id"),
        row.getLong("step_id"),
        row.getString("name"),
        row.getString("handler"),
        Rows.ordinals(row, "parents"),
        Rows.ordinals(row, "children"),
        row.getInt("attempts"),
        row.getInt("attempts") - row.getInt("crashes"),
        row.getInt("max_attempts"),
        row.getInt("fence"),
        lastChance);
  }
}
