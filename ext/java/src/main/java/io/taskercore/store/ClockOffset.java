package io.taskercore.store;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;

/** {@code tasker.now()}, the clock of the engine's rows, and how a test moves it. */
public final class ClockOffset {

  /** Moves the clock for everything that the session does from now on. */
  public void set(Connection connection, long offsetMs) throws SQLException {
    String sql = "SELECT set_config('tasker.clock_offset', ?, false)";
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      statement.setString(1, offsetMs + " ms");
      statement.execute();
    }
  }

  public Instant now(Connection connection) throws SQLException {
    try (PreparedStatement statement = connection.prepareStatement("SELECT tasker.now() AS now");
        ResultSet row = statement.executeQuery()) {
      row.next();
      return Rows.instant(row, "now");
    }
  }
}
