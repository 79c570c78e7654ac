package io.taskercore.store;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Types;

/** Single entries of the transition log; the hot statements append theirs themselves. */
public final class TransitionLog {

  private static final String APPEND = """
      INSERT INTO tasker.transitions (task_id, step_id, from_state, to_state, attempt, at, reason)
      VALUES (?, ?, ?, ?, NULLIF(?, 0), tasker.now(), ?)""";

  public void task(Connection connection, long taskId, String from, String to, String reason) throws SQLException {
    append(connection, taskId, null, from, to, 0, reason);
  }

  public void step(Connection connection, long taskId, long stepId, String from, String to, int attempt, String reason)
      throws SQLException {
    append(connection, taskId, stepId, from, to, attempt, reason);
  }

  private static void append(
      Connection connection, long taskId, Long stepId, String from, String to, int attempt, String reason)
      throws SQLException {
    try (PreparedStatement statement = connection.prepareStatement(APPEND)) {
      statement.setLong(1, taskId);
      statement.setObject(2, stepId, Types.BIGINT);
      statement.setString(3, from);
      statement.setString(4, to);
      statement.setInt(5, attempt);
      statement.setString(6, reason);
      statement.executeUpdate();
    }
  }
}
