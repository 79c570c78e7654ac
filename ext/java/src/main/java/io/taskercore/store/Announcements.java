package io.taskercore.store;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Statement;
import org.postgresql.PGConnection;
import org.postgresql.PGNotification;

/** Tells other processes, by LISTEN and NOTIFY, that there are steps in the queue. An announcement carries no data. */
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

  /** @return whether an announcement arrived within {@code timeoutMs} */
  public boolean await(Connection connection, int timeoutMs) throws SQLException {
    PGNotification[] heard = connection.unwrap(PGConnection.class).getNotifications(timeoutMs);
    return heard != null && heard.length > 0;
  }
}
