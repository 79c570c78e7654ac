package io.taskercore.store;

import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import javax.sql.DataSource;
import org.postgresql.PGConnection;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Finds out whether a pooler that lends a session for one transaction only is between us and PostgreSQL.
 *
 * <ol>
 *   <li>PostgreSQL tells the id of its process when a session begins. A pooler tells an id of its own. So if the id is PostgreSQL's,
 *       there is no pooler.
 *   <li>Otherwise one connection keeps its session busy with a transaction, and another connection asks before and during that which
 *       process answers it. If that changes, the session was not its own.
 * </ol>
 */
public final class PoolerProbe {

  /** A pooler lends the session freed last, or free for longest, or any. It may be the same one by chance, so we ask this often. */
  private static final int TRIES = 3;

  /** A pooler with a single session makes the second connection wait until the transaction ends. */
  private static final int ANSWER_MS = 2_000;

  private static final Logger LOG = LoggerFactory.getLogger(PoolerProbe.class);

  private PoolerProbe() {}

  /**
   * @param one a connection from the same source
   * @param connections makes connections that leave nothing on a session
   */
  public static boolean findsTransactionPooler(Connection one, DataSource connections) throws SQLException {
    if (one.unwrap(PGConnection.class).getBackendPID() == process(one)) {
      return false;
    }
    try {
      for (int tries = 0; tries < TRIES; tries++) {
        if (changesItsSession(one, connections)) {
          return true;
        }
      }
    } catch (SQLException failure) {
      LOG.debug("database: whether a pooler is between is not known: {}", failure.getMessage());
    }
    return false;
  }

  private static boolean changesItsSession(Connection one, DataSource connections) throws SQLException {
    try (Connection other = connections.getConnection()) {
      // A time-out of the socket, because a pooler may ignore it when a waiting client cancels.
      other.setNetworkTimeout(Runnable::run, ANSWER_MS);
      long before = process(other);
      one.setAutoCommit(false);
      try {
        process(one);
        return process(other) != before;
      } catch (SQLException noAnswer) {
        return true;
      } finally {
        one.rollback();
        one.setAutoCommit(true);
      }
    }
  }

  private static long process(Connection connection) throws SQLException {
    try (Statement statement = connection.createStatement();
        ResultSet row = statement.executeQuery("SELECT pg_catalog.pg_backend_pid()")) {
      row.next();
      return row.getLong(1);
    }
  }
}
