package io.taskercore.store;

import io.taskercore.store.Sessions.Identity;
import io.taskercore.store.Sessions.Session;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;

/** What the server says about the sessions of this process. */
public final class SessionProbe {

  private static final String BEGUN_MICROS = "(extract(epoch FROM backend_start) * 1000000)::bigint";

  /**
   * A session as the server has it.
   *
   * @param isAtWork whether it runs a statement
   * @param sinceS for how long it has been running it, or idle, in seconds
   * @param waitEvent what it waits for, in PostgreSQL's word; empty if it does not wait
   */
  public record Seen(boolean isAtWork, double sinceS, String waitEvent) {}

  /** Asks a session who it is. */
  public static Identity identify(Connection connection) throws SQLException {
    String sql = "SELECT pid, " + BEGUN_MICROS + " AS begun FROM pg_stat_get_activity(pg_backend_pid())";
    try (Statement statement = connection.createStatement(); ResultSet row = statement.executeQuery(sql)) {
      row.next();
      return new Identity(row.getInt("pid"), Rows.longOrNull(row, "begun"));
    }
  }

  /** Those that are there. A process id alone may be another session's by now: it must have begun at the same time. */
  public Map<Session, Seen> look(Connection connection, Collection<Session> sessions) throws SQLException {
    try (Statement statement = connection.createStatement()) {
      // With the rights of who has logged in, whatever role the database gives it: sessions of others are hardly to be seen.
      statement.execute("SET ROLE NONE");
    }
    String sql = """
        SELECT pid, state, COALESCE(wait_event, '') AS wait_event, %s AS begun,
          COALESCE(extract(epoch FROM clock_timestamp() - state_change), 0) AS since_s
        FROM pg_stat_activity
        WHERE pid = ANY (?) AND usename = session_user""".replace("%s", BEGUN_MICROS);
    Map<Integer, Session> byPid = new HashMap<>();
    sessions.forEach(session -> byPid.put(session.pid(), session));
    Map<Session, Seen> seen = new HashMap<>();
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      statement.setArray(1, connection.createArrayOf("integer", byPid.keySet().toArray()));
      try (ResultSet row = statement.executeQuery()) {
        while (row.next()) {
          Session session = byPid.get(row.getInt("pid"));
          Long begun = session.identity().begunMicros();
          if (begun == null || begun.equals(Rows.longOrNull(row, "begun"))) {
            boolean atWork = "active".equals(row.getString("state"));
            seen.put(session, new Seen(atWork, row.getDouble("since_s"), row.getString("wait_event")));
          }
        }
      }
    }
    return seen;
  }

  /** Ends a session that was seen there just now. */
  public void end(Connection connection, Session session) throws SQLException {
    try (PreparedStatement statement = connection.prepareStatement("SELECT pg_terminate_backend(?)")) {
      statement.setInt(1, session.pid());
      statement.execute();
    }
  }
}
