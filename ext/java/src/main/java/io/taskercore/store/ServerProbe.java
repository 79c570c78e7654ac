package io.taskercore.store;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;

/** A look at PostgreSQL itself: whether it answers, takes changes, and what time it has. */
public final class ServerProbe {

  /**
   * @param readOnly whether it refuses changes, as a standby does
   * @param clockMs its time, in milliseconds since 1970
   */
  public record Answer(boolean readOnly, double clockMs) {}

  public Answer ask(Connection connection) throws SQLException {
    String sql = """
        SELECT current_setting('transaction_read_only') = 'on' AS read_only,
          extract(epoch FROM clock_timestamp()) * 1000 AS clock_ms""";
    try (PreparedStatement statement = connection.prepareStatement(sql);
        ResultSet row = statement.executeQuery()) {
      row.next();
      return new Answer(row.getBoolean("read_only"), row.getDouble("clock_ms"));
    }
  }
}
