package io.taskercore.engine.notify;

import io.taskercore.engine.threads.Threads;
import io.taskercore.store.Announcements;
import io.taskercore.store.Database;
import io.taskercore.store.Database.Watch;
import java.sql.Connection;
import java.sql.SQLException;
import javax.sql.DataSource;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Hears other processes' announcements of work, on one connection of its own per database and JVM. A lost connection is made again; until
 * then polling finds the work.
 */
final class Listener implements AutoCloseable {

  private static final Logger LOG = LoggerFactory.getLogger(Listener.class);

  private static final int WAIT_MS = 10_000;
  private static final long RECONNECT_MS = 1_000;

  private final DataSource connections;
  private final Runnable onWork;
  private final Watch watch;
  private final Announcements announcements = new Announcements();
  private final Thread thread = Threads.named("listener").newThread(this::run);
  private volatile boolean closed;
  private volatile Connection current;

  /** Assumed until there is news to the contrary, so it is true from the start. */
  private volatile boolean connected = true;

  /**
   * @param connections makes connections that belong to no pool
   * @param watch is told when the connection is lost
   */
  Listener(DataSource connections, Runnable onWork, Watch watch) {
    this.watch = watch;
    this.connections = connections;
    this.onWork = onWork;
  }

  void start() {
    thread.start();
  }

  boolean isConnected() {
    return connected;
  }

  private void run() {
    while (!closed) {
      try (Connection connection = connections.getConnection()) {
        current = connection;
        announcements.listen(connection);
        connected = true;
        onWork.run();
        while (!closed) {
          if (announcements.await(connection, WAIT_MS)) {
            onWork.run();
          }
        }
      } catch (SQLException lost) {
        connected = false;
        if (!closed) {
          LOG.debug("listener: the connection was lost (SQLSTATE {}); work is found by polling until it is back", lost.getSQLState());
          watch.failed(Database.failed(lost));
          pause();
        }
      }
    }
  }

  private void pause() {
    try {
      Thread.sleep(RECONNECT_MS);
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
      closed = true;
    }
  }

  @Override
  public void close() {
    closed = true;
    thread.interrupt();
    Connection connection = current;
    if (connection != null) {
      try {
        connection.abort(Runnable::run);
      } catch (SQLException alreadyGone) {
        LOG.debug("listener: {}", alreadyGone.getMessage());
      }
    }
    try {
      thread.join(5_000);
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
