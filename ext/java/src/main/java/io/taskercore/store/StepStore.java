package io.taskercore.store;

import io.taskercore.model.ClaimedStep;
import io.taskercore.model.Json;
import io.taskercore.model.StepState;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Rows of steps: locked, to be changed by {@link Transitions}, or read for their results. */
public final class StepStore {

  /** A step's row, locked until the transaction ends. */
  public record LockedStep(long stepId, String name, StepState state) {}

  /** The steps of a task that have failed for good. */
  public List<Long> failed(Connection connection, long taskId) throws SQLException {
    String sql = Sql.of("SELECT step_id FROM tasker.workflow_steps WHERE task_id = ? AND state = {error} ORDER BY step_id");
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      statement.setLong(1, taskId);
      try (ResultSet row = statement.executeQuery()) {
        List<Long> failed = new ArrayList<>();
        while (row.next()) {
          failed.add(row.getLong("step_id"));
        }
        return failed;
      }
    }
  }

  /** The ids of a task's steps by their names, in the template's order; empty if there is no such task. */
  public Map<String, Long> idsByName(Connection connection, long taskId) throws SQLException {
    String sql = "SELECT name, step_id FROM tasker.workflow_steps WHERE task_id = ? ORDER BY step_id";
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      statement.setLong(1, taskId);
      try (ResultSet row = statement.executeQuery()) {
        Map<String, Long> ids = new LinkedHashMap<>();
        while (row.next()) {
          ids.put(row.getString("name"), row.getLong("step_id"));
        }
        return ids;
      }
    }
  }

  /** Locks a step whose task is locked: first its queue row, which waits for a claim that is under way, then its own row. */
  public Optional<LockedStep> lock(Connection connection, long stepId) throws SQLException {
    String queue = "SELECT 1 FROM tasker.step_queue WHERE task_id = ? AND step_id = ? FOR UPDATE";
    try (PreparedStatement statement = connection.prepareStatement(queue)) {
      statement.setLong(1, ClaimedStep.taskIdOf(stepId));
      statement.setLong(2, stepId);
      statement.execute();
    }
    String sql = """
        SELECT step_id, name, state
        FROM tasker.workflow_steps
        WHERE task_id = ? AND step_id = ?
        FOR NO KEY UPDATE""";
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      statement.setLong(1, ClaimedStep.taskIdOf(stepId));
      statement.setLong(2, stepId);
      try (ResultSet row = statement.executeQuery()) {
        return row.next()
            ? Optional.of(new LockedStep(row.getLong("step_id"), row.getString("name"), StepState.of(row.getString("state"))))
            : Optional.empty();
      }
    }
  }

  /**
   * A step that a process holds, locked until the transaction ends.
   *
   * @param crashes how many processes have died under it so far
   * @param lastCrash whether one more ends it
   * @param apart whether it had begun with its claim
   */
  public record HeldStep(long stepId, int crashes, boolean lastCrash, boolean apart) {}

  /** Those of the steps that one of the processes still holds. Takes their locks after that of their task. */
  public List<HeldStep> held(Connection connection, long taskId, List<Long> stepIds, Collection<Long> processIds)
      throws SQLException {
    String sql = Sql.of("""
        SELECT step_id, crashes, tasker.crash_ends(crashes, max_crashes) AS last_crash,
          tasker.is_apart(suspect, crashes, max_crashes) AS apart
        FROM tasker.workflow_steps
        WHERE task_id = ? AND step_id = ANY (?) AND state = {in_progress} AND process_id = ANY (?)
        ORDER BY step_id
        FOR NO KEY UPDATE""");
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      statement.setLong(1, taskId);
      statement.setArray(2, Rows.bigints(connection, stepIds));
      statement.setArray(3, Rows.bigints(connection, processIds));
      try (ResultSet row = statement.executeQuery()) {
        List<HeldStep> steps = new ArrayList<>();
        while (row.next()) {
          steps.add(new HeldStep(row.getLong("step_id"), row.getInt("crashes"), row.getBoolean("last_crash"), row.getBoolean("apart")));
        }
        return steps;
      }
    }
  }

  /** Results of steps, by id; a step without one is absent. */
  public Map<Long, Json> results(Connection connection, Collection<Long> stepIds) throws SQLException {
    String sql = """
        SELECT s.step_id, s.result
        FROM unnest(?::bigint[]) AS wanted(step_id)
        JOIN tasker.workflow_steps s ON s.task_id = tasker.task_of(wanted.step_id) AND s.step_id = wanted.step_id
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

  /** @param attempts the column with the number of the attempt */
  static ClaimedStep claimedStep(ResultSet row, String attempts) throws SQLException {
    return claimedStep(row, attempts, false, false);
  }

  static ClaimedStep claimedStep(ResultSet row, String attempts, boolean apart, boolean lastChance) throws SQLException {
    int attempt = row.getInt(attempts);
    return new ClaimedStep(
        row.getLong("task_id"),
        row.getLong("step_id"),
        row.getString("name"),
        row.getString("handler"),
        Rows.ordinals(row, "parents"),
        Rows.ordinals(row, "children"),
        attempt,
        attempt - row.getInt("crashes"),
        row.getInt("max_attempts"),
        row.getLong("fence"),
        apart,
        lastChance);
  }
}
