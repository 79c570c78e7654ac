package io.taskercore.store;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Statement;
import org.postgresql.PGConnection;
import org.postgresql.PGNotification;

/** Word between processes that there are steps in the queue, by LISTEN and NOTIFY. It carries nothing but itself. */
public final class Announcements {

  private static final String CHANNEL = "tasker_work";

  public void announce(Connection connection) throws SQLException {
    try (PreparedStatement statement = connection.prepareStatement("SELECT pg_notify('" + CHANNEL + "', '')")) {
      statement.execute();
    }
  }

  public void listen(Connection connection) throws SQLException {
    try (Statement statement = connection.createStatement()) {
      statement.execute("LISTEN " + CHANNEL);
    }
  }

  /** @return whether there was word within {@code timeoutMs} */
  public boolean await(Connection connection, int timeoutMs) throws SQLException {
    PGNotification[] heard = connection.unwrap(PGConnection.class).getNotifications(timeoutMs);
    return heard != null && heard.length > 0;
  }
}
