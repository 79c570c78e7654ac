package io.taskercore.store;

import io.taskercore.model.TaskerException;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.WeakHashMap;
import org.postgresql.core.BaseConnection;
import org.postgresql.core.TransactionState;

/**
 * Connections that callers lend us, so that we write in their transactions. One that cannot be used is refused before anything is
 * written, above all if it leads to another database, where nobody would run the tasks.
 */
public final class LentConnections {

  private final Database ours;
  private volatile String identity;

  /** Those that are known to lead to our database. The keys are the driver's own connections, for their wrappers are new each time. */
  private final Map<Connection, Boolean> known = Collections.synchronizedMap(new WeakHashMap<>());

  public LentConnections(Database ours) {
    this.ours = ours;
  }

  /**
   * @throws TaskerException.Validation if the connection is closed, is not PostgreSQL's, or leads to another database
   * @throws TaskerException.Database if its transaction has failed already
   */
  public void check(Connection connection) {
    try {
      if (connection.isClosed()) {
        throw refused("is closed");
      }
      if (stateOf(connection) == TransactionState.FAILED) {
        throw new TaskerException.Database(
            "the connection's transaction has failed already; roll it back, or to a savepoint, and call again", "25P02", false,
            null);
      }
      checkDatabase(connection);
    } catch (SQLException failure) {
      throw Database.failed(failure);
    }
  }

  /** Which of these tasks exist for the connection, and so for its transaction. */
  public List<Long> seenBy(Connection connection, List<Long> taskIds) {
    check(connection);
    String sql = "SELECT task_id FROM tasker.tasks WHERE task_id = ANY (?) ORDER BY task_id";
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      statement.setArray(1, Rows.bigints(connection, taskIds));
      try (ResultSet row = statement.executeQuery()) {
        List<Long> seen = new ArrayList<>();
        while (row.next()) {
          seen.add(row.getLong(1));
        }
        return seen;
      }
    } catch (SQLException failure) {
      throw Database.failed(failure);
    }
  }

  /** @throws TaskerException.State if a transaction is under way, for others cannot see its changes yet */
  public void refuseTransaction(Connection connection) {
    check(connection);
    try {
      if (Database.isInTransaction(connection)) {
        throw new TaskerException.State("A task cannot run before the transaction is committed that creates it:"
            + " call initialize_task in the transaction, and handle_task with the task's id after the commit");
      }
    } catch (SQLException failure) {
      throw Database.failed(failure);
    }
  }

  /** Null where it is not a connection of this driver. */
  static TransactionState stateOf(Connection connection) throws SQLException {
    return connection.isWrapperFor(BaseConnection.class)
        ? connection.unwrap(BaseConnection.class).getTransactionState()
        : null;
  }

  private void checkDatabase(Connection connection) throws SQLException {
    Connection itself =
        connection.isWrapperFor(BaseConnection.class) ? connection.unwrap(BaseConnection.class) : connection;
    if (known.containsKey(itself)) {
      return;
    }
    String product = connection.getMetaData().getDatabaseProductName();
    if (!"PostgreSQL".equals(product)) {
      throw refused("must lead to PostgreSQL, not to " + product);
    }
    String theirs = identityOf(connection);
    if (!theirs.equals(identity)) {
      // Read again: PostgreSQL may have been restarted since.
      identity = ours.call(LentConnections::identityOf);
    }
    if (!theirs.equals(identity)) {
      throw refused("leads to another database than the coordinator's (" + connection.getCatalog()
          + "), where nobody would run the task; give a coordinator that is on the connection's database");
    }
    known.put(itself, true);
  }

  /** A text that differs between any two databases, whichever way they are reached. */
  private static String identityOf(Connection connection) throws SQLException {
    String sql = """
        SELECT extract(epoch FROM pg_postmaster_start_time()) || ' ' || d.oid AS identity
        FROM pg_database d
        WHERE d.datname = current_database()""";
    try (PreparedStatement statement = connection.prepareStatement(sql);
        ResultSet row = statement.executeQuery()) {
      row.next();
      return row.getString("identity");
    }
  }

  private static TaskerException.Validation refused(String reason) {
    return new TaskerException.Validation("connection", reason);
  }
}
