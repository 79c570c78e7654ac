package io.taskercore.store;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import org.postgresql.PGConnection;

/**
 * The sessions that this process has with PostgreSQL: which calls wait for an answer and since when, and which sessions were given up
 * here and may still exist on the server.
 */
public class Sessions {

  /**
   * How the server knows a session.
   *
   * @param pid the process that serves it, which may serve another one later
   * @param begunMicros when it began by the server's clock, since 1970; null where the server does not say
   */
  public record Identity(int pid, Long begunMicros) {}

  /** One of them. */
  public static final class Session {

    private final Connection connection;
    private final Identity identity;

    /** Since when a call waits for PostgreSQL on it; null while none does. */
    private volatile Long busySinceNanos;
    private volatile boolean givenUp;

    private Session(Connection connection, Identity identity) {
      this.connection = connection;
      this.identity = identity;
    }

    public Identity identity() {
      return identity;
    }

    /** The server's process that serves the session. */
    public int pid() {
      return identity.pid();
    }

    private boolean hasWaitedFor(long nanos, long now) {
      Long since = busySinceNanos;
      return since != null && now - since > nanos && !givenUp;
    }

    /** Breaks the connection off, so that the call on it fails. The server may keep the session. */
    public void abort(Executor executor) throws SQLException {
      givenUp = true;
      connection.abort(executor);
    }
  }

  /** For sessions that nobody watches, such as those behind a pooler. */
  public static final Sessions UNWATCHED = new Sessions() {
    @Override
    public void opened(Connection connection, Identity identity) {
      // Nobody wants to know.
    }
  };

  private static final String CONNECTION_LOST = "08";

  /** The keys are the driver's connections. */
  private final Map<Connection, Session> open = new ConcurrentHashMap<>();

  /** There is a new one. */
  public void opened(Connection connection, Identity identity) {
    open.put(connection, new Session(connection, identity));
  }

  /** A call to the database. */
  @FunctionalInterface
  interface Call<T> {
    T run() throws SQLException;
  }

  /** Makes the call, and watches it. */
  <T> T watched(Connection connection, Call<T> call) throws SQLException {
    Session session = open.isEmpty() ? null : open.get(connection.unwrap(PGConnection.class));
    if (session == null) {
      return call.run();
    }
    session.busySinceNanos = System.nanoTime();
    try {
      return call.run();
    } catch (SQLException failure) {
      session.givenUp |= String.valueOf(failure.getSQLState()).startsWith(CONNECTION_LOST);
      throw failure;
    } finally {
      session.busySinceNanos = null;
    }
  }

  /** The sessions on which a call has waited for longer than this. */
  public List<Session> waitingFor(long nanos) {
    long now = System.nanoTime();
    return open.values().stream().filter(session -> session.hasWaitedFor(nanos, now)).toList();
  }

  /** The sessions that were broken off here. Others that were closed are forgotten, for the server has been told. */
  public List<Session> givenUp() {
    open.values().removeIf(session -> !session.givenUp && isClosed(session.connection));
    return open.values().stream().filter(session -> session.givenUp).toList();
  }

  /** Forgets a session that is known to be gone. */
  public void forget(Session session) {
    open.remove(session.connection, session);
  }

  private static boolean isClosed(Connection connection) {
    try {
      return connection.isClosed();
    } catch (SQLException unknown) {
      return true;
    }
  }
}
