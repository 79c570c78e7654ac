package io.taskercore.store;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;

/** A look at PostgreSQL itself: whether it answers, takes changes, and what time it has. */
public final class ServerProbe {

  /**
   * @param hasSchema whether the engine's tables are there
   * @param readOnly whether it refuses changes, as a standby does
   * @param clockMs its time, in milliseconds since 1970
   */
  public record Answer(boolean hasSchema, boolean readOnly, double clockMs) {}

  public Answer ask(Connection connection) throws SQLException {
    String sql = """
        SELECT
          EXISTS (
            SELECT FROM pg_catalog.pg_class c
            JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname = 'tasker' AND c.relname = 'processes') AS has_schema,
          current_setting('transaction_read_only') = 'on' AS read_only,
          extract(epoch FROM clock_timestamp()) * 1000 AS clock_ms""";
    try (PreparedStatement statement = connection.prepareStatement(sql);
        ResultSet row = statement.executeQuery()) {
      row.next();
      return new Answer(row.getBoolean("has_schema"), row.getBoolean("read_only"), row.getDouble("clock_ms"));
    }
  }
}
