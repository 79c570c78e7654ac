package io.taskercore.store;

import io.taskercore.store.Sessions.Session;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** What the server says of sessions of this process's. */
public final class SessionProbe {

  /** So much may the ages of a session differ that is one and the same, here and there, in seconds. */
  private static final double SAME_AGE_S = 3;

  /**
   * A session as the server has it.
   *
   * @param isAtWork whether it is at a statement
   * @param sinceS for how long it has been at that, or at nothing, in seconds
   * @param waitEvent what it waits for, in PostgreSQL's word; empty where it does not
   */
  public record Seen(boolean isAtWork, double sinceS, String waitEvent) {}

  /** Those that are there. A process id alone may be another session's by now: it must have begun at the same time. */
  public Map<Session, Seen> look(Connection connection, Collection<Session> sessions) throws SQLException {
    String sql = """
        SELECT pid, state, COALESCE(wait_event, '') AS wait_event, extract(epoch FROM clock_timestamp() - backend_start) AS age_s,
          COALESCE(extract(epoch FROM clock_timestamp() - state_change), 0) AS since_s
        FROM pg_stat_activity
        WHERE pid = ANY (?) AND usename = current_user""";
    Map<Integer, Session> byPid = new HashMap<>();
    sessions.forEach(session -> byPid.put(session.pid(), session));
    Map<Session, Seen> seen = new HashMap<>();
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      statement.setArray(1, connection.createArrayOf("integer", byPid.keySet().toArray()));
      try (ResultSet row = statement.executeQuery()) {
        while (row.next()) {
          Session session = byPid.get(row.getInt("pid"));
          if (isSame(session, row.getDouble("age_s"))) {
            boolean atWork = "active".equals(row.getString("state"));
            seen.put(session, new Seen(atWork, row.getDouble("since_s"), row.getString("wait_event")));
          }
        }
      }
    }
    return seen;
  }

  private static boolean isSame(Session session, double ageS) {
    double hereS = (System.nanoTime() - session.openedNanos()) / (double) TimeUnit.SECONDS.toNanos(1);
    return Math.abs(ageS - hereS) < SAME_AGE_S;
  }

  /** Ends a session that was seen there just now. */
  public void end(Connection connection, Session session) throws SQLException {
    try (PreparedStatement statement = connection.prepareStatement("SELECT pg_terminate_backend(?)")) {
      statement.setInt(1, session.pid());
      statement.execute();
    }
  }
}
