package io.taskercore.store;

import io.taskercore.model.TaskerException;
import java.sql.Connection;
import java.sql.SQLException;
import javax.sql.DataSource;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One connection beside the pool, for statements that must not wait behind anything else. It is made when it is needed, kept, and
 * replaced after it has failed. One caller at a time.
 */
public final class KeptConnection implements AutoCloseable {

  private static final Logger LOG = LoggerFactory.getLogger(KeptConnection.class);

  private final DataSource connections;
  private final int answerMs;
  private final Database.Watch watch;
  private final Sessions sessions;
  private Connection connection;
  private int made;

  /**
   * @param answerMs after how long without an answer the connection counts as lost, in milliseconds
   * @param sessions those of the data source
   */
  public KeptConnection(DataSource connections, int answerMs, Database.Watch watch, Sessions sessions) {
    this.watch = watch;
    this.sessions = sessions;
    this.connections = connections;
    this.answerMs = answerMs;
  }

  /** Runs one statement, which is its own transaction. */
  public synchronized <T> T call(Database.Work<T> work) {
    try {
      if (connection == null) {
        connection = connect();
      }
      return sessions.watched(connection, () -> work.on(connection));
    } catch (SQLException failure) {
      close();
      TaskerException.Database told = Database.failed(failure);
      watch.failed(told);
      throw told;
    }
  }

  /** How many sessions there were so far, the present one included. */
  public synchronized int sessionsMade() {
    return made;
  }

  private Connection connect() throws SQLException {
    Connection fresh = connections.getConnection();
    try {
      fresh.setNetworkTimeout(Runnable::run, answerMs);
      made++;
      return fresh;
    } catch (SQLException failure) {
      close(fresh);
      throw failure;
    }
  }

  @Override
  public synchronized void close() {
    if (connection != null) {
      close(connection);
      connection = null;
    }
  }

  private static void close(Connection lost) {
    try {
      lost.close();
    } catch (SQLException alreadyGone) {
      LOG.debug("database: {}", alreadyGone.getMessage());
    }
  }
}
