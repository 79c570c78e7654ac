package io.taskercore.store;

import io.taskercore.model.Transition;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Types;
import java.util.ArrayList;
import java.util.List;

/** Single entries of the transition log; the hot statements append theirs themselves. */
public final class TransitionLog {

  /** The end of a statement that appends entries and returns them; to be run by {@link #read}. */
  static final String RETURNING =
      "\nRETURNING transition_id, task_id, step_id, from_state, to_state, attempt, at, reason";

  private static final String APPEND = """
      INSERT INTO tasker.transitions (task_id, step_id, from_state, to_state, attempt, at, reason)
      VALUES (?, ?, ?, ?, NULLIF(?, 0), tasker.now(), ?)""" + RETURNING;

  public Transition task(Connection connection, long taskId, String from, String to, String reason) throws SQLException {
    return append(connection, taskId, null, from, to, 0, reason);
  }

  public Transition step(
      Connection connection, long taskId, long stepId, String from, String to, int attempt, String reason)
      throws SQLException {
    return append(connection, taskId, stepId, from, to, attempt, reason);
  }

  /** Runs the statement; the entries in the order of their ids. */
  static List<Transition> read(PreparedStatement statement) throws SQLException {
    try (ResultSet row = statement.executeQuery()) {
      List<Transition> log = new ArrayList<>();
      while (row.next()) {
        int attempt = row.getInt("attempt");
        log.add(new Transition(
            row.getLong("transition_id"),
            row.getLong("task_id"),
            Rows.longOrNull(row, "step_id"),
            row.getString("from_state"),
            row.getString("to_state"),
            attempt == 0 ? null : attempt,
            Rows.instant(row, "at"),
            row.getString("reason")));
      }
      return log;
    }
  }

  private static Transition append(
      Connection connection, long taskId, Long stepId, String from, String to, int attempt, String reason)
      throws SQLException {
    try (PreparedStatement statement = connection.prepareStatement(APPEND)) {
      statement.setLong(1, taskId);
      statement.setObject(2, stepId, Types.BIGINT);
      statement.setString(3, from);
      statement.setString(4, to);
      statement.setInt(5, attempt);
      statement.setString(6, reason);
      return read(statement).get(0);
    }
  }
}
