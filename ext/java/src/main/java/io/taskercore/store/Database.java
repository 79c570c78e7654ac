package io.taskercore.store;

import io.taskercore.model.TaskerException;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.SQLTransientConnectionException;
import java.sql.Statement;
import java.util.Set;
import javax.sql.DataSource;
import org.postgresql.core.TransactionState;

/**
 * Connections and transactions, with failures turned into {@link TaskerException.Database}.
 *
 * <p>Code that runs inside one of its methods holds a connection, and must not ask for a second one.
 */
public final class Database {

  private static final String NO_SCHEMA =
      "the schema tasker is gone, or lacks what this version of tasker_core needs: " + Migrations.CURE;

  /** What runs on a connection. */
  @FunctionalInterface
  public interface Work<T> {
    T on(Connection connection) throws SQLException;
  }

  /** The losers of a race may simply run again: serialization failure, deadlock. */
  private static final Set<String> RACES = Set.of("40001", "40P01");

  private static final int RACE_TRIES = 5;

  /** PostgreSQL's state for a statement that is allowed in a transaction only. */
  private static final String NO_TRANSACTION = "25P01";

  /** Prepares each connection before anything else runs on it. */
  @FunctionalInterface
  public interface Preparation {
    void of(Connection connection) throws SQLException;
  }

  /** Is told how calls end. */
  public interface Watch {
    Watch NOBODY = new Watch() {
      @Override
      public void worked() {}

      @Override
      public void failed(TaskerException.Database failure) {}
    };

    void worked();

    void failed(TaskerException.Database failure);
  }

  private final DataSource dataSource;
  private final Preparation preparation;
  private final Watch watch;
  private final Sessions sessions;

  public Database(DataSource dataSource) {
    this(dataSource, connection -> {}, Watch.NOBODY, Sessions.UNWATCHED);
  }

  /** @param sessions those of the data source */
  public Database(DataSource dataSource, Preparation preparation, Watch watch, Sessions sessions) {
    this.dataSource = dataSource;
    this.preparation = preparation;
    this.watch = watch;
    this.sessions = sessions;
  }

  /** Runs one statement, which is its own transaction: one round trip, one commit. */
  public <T> T call(Work<T> work) {
    return again(() -> on(work));
  }

  private <T> T on(Work<T> work) throws SQLException {
    try (Connection connection = dataSource.getConnection()) {
      return sessions.watched(connection, () -> {
        preparation.of(connection);
        return work.on(connection);
      });
    }
  }

  /** As {@link #transaction}, but it fails if it waits for a lock for longer than a quarter of a second. */
  public <T> T impatientTransaction(Work<T> work) {
    return transaction(connection -> {
      execute(connection, "SET LOCAL lock_timeout = '250ms'");
      return work.on(connection);
    });
  }

  /** Runs the work in one transaction: all of it is committed, or none. */
  public <T> T transaction(Work<T> work) {
    return again(() -> on(connection -> transaction(connection, work)));
  }

  private static <T> T transaction(Connection connection, Work<T> work) throws SQLException {
    connection.setAutoCommit(false);
    T result;
    try {
      result = work.on(connection);
      connection.commit();
    } catch (SQLException | RuntimeException | Error failure) {
      undo(connection, failure);
      throw failure;
    }
    connection.setAutoCommit(true);
    return result;
  }

  /** A failure of the rollback only follows from the first failure, and must not hide it. */
  private static void undo(Connection connection, Throwable failure) {
    rollback(connection, failure);
    try {
      connection.setAutoCommit(true);
    } catch (SQLException alsoFailed) {
      failure.addSuppressed(alsoFailed);
    }
  }

  /**
   * Runs the work in a transaction that belongs to the caller, who alone commits it or rolls it back. If the caller has begun none, the
   * work is a transaction of its own.
   */
  public static <T> T within(Connection connection, Work<T> work) {
    try {
      return isInTransaction(connection) ? work.on(connection) : transaction(connection, work);
    } catch (SQLException failure) {
      throw failed(failure);
    }
  }

  /**
   * JDBC's own flag is not enough: Sequel, for one, begins its transactions by a statement, under auto-commit. If the driver cannot be
   * asked, PostgreSQL is asked by a savepoint, which it takes in a transaction only.
   */
  static boolean isInTransaction(Connection connection) throws SQLException {
    if (!connection.getAutoCommit()) {
      return true;
    }
    TransactionState state = LentConnections.stateOf(connection);
    return state == null ? takesSavepoints(connection) : state != TransactionState.IDLE;
  }

  private static boolean takesSavepoints(Connection connection) throws SQLException {
    try {
      execute(connection, "SAVEPOINT tasker_probe");
    } catch (SQLException refusal) {
      if (NO_TRANSACTION.equals(refusal.getSQLState())) {
        return false;
      }
      throw refusal;
    }
    execute(connection, "RELEASE SAVEPOINT tasker_probe");
    return true;
  }

  /** As {@link #within}, for work of several statements: if it fails, exactly what it has written is rolled back. */
  public static <T> T allOrNothingWithin(Connection connection, Work<T> work) {
    return within(connection, on -> {
      // By statements: JDBC refuses savepoints under auto-commit, even if a statement has begun a transaction.
      execute(on, "SAVEPOINT tasker_call");
      try {
        T result = work.on(on);
        execute(on, "RELEASE SAVEPOINT tasker_call");
        return result;
      } catch (SQLException | RuntimeException failure) {
        takeBack(on, failure);
        throw failure;
      }
    });
  }

  private static void takeBack(Connection connection, Exception failure) {
    try {
      execute(connection, "ROLLBACK TO SAVEPOINT tasker_call");
      execute(connection, "RELEASE SAVEPOINT tasker_call");
    } catch (SQLException alsoFailed) {
      failure.addSuppressed(alsoFailed);
    }
  }

  private static void execute(Connection connection, String sql) throws SQLException {
    try (Statement statement = connection.createStatement()) {
      statement.execute(sql);
    }
  }

  private static void rollback(Connection connection, Throwable failure) {
    try {
      connection.rollback();
    } catch (SQLException alsoFailed) {
      failure.addSuppressed(alsoFailed);
    }
  }

  @FunctionalInterface
  private interface Try<T> {
    T run() throws SQLException;
  }

  private <T> T again(Try<T> attempt) {
    for (int tries = 1; ; tries++) {
      try {
        T result = attempt.run();
        watch.worked();
        return result;
      } catch (SQLException failure) {
        if (tries == RACE_TRIES || !RACES.contains(String.valueOf(failure.getSQLState()))) {
          TaskerException.Database told = failed(failure);
          watch.failed(told);
          throw told;
        }
      }
    }
  }

  /** The message says what kind of failure it was; the statement and the server's detail stay in the cause, for the log. */
  public static TaskerException.Database failed(SQLException failure) {
    String state = failure.getSQLState();
    if (failure instanceof SQLTransientConnectionException) {
      return new TaskerException.Database(
          "no connection to be had from the pool (" + poolFigures(failure) + ")", state, true, failure);
    }
    if (failure.getCause() instanceof InterruptedException) {
      return new TaskerException.Database("the wait for a connection was interrupted", state, true, failure);
    }
    if (MissingRight.STATE.equals(state)) {
      return new TaskerException.Database(MissingRight.described(failure), state, false, failure);
    }
    // Only a connection that failed says where and why. What a failed statement says may contain data.
    String why = failure instanceof ConnectionFailure ? " (" + failure.getMessage() + ")" : "";
    String kind = state == null || state.length() < 2 ? "" : state.substring(0, 2);
    return switch (kind) {
      case "08" -> new TaskerException.Database("the connection to PostgreSQL failed" + why, state, true, failure);
      case "57" -> new TaskerException.Database("PostgreSQL ended the session or the statement" + why, state, true, failure);
      case "53" -> new TaskerException.Database("PostgreSQL is out of a resource" + why, state, true, failure);
      case "25" -> switch (state) {
        case "25006" -> new TaskerException.Database("the connection, or its transaction, is read-only", state, true, failure);
        case "25P03" -> new TaskerException.Database("PostgreSQL ended the session or the statement", state, true, failure);
        default -> new TaskerException.Database("the transaction cannot take the statement", state, false, failure);
      };
      case "55" -> new TaskerException.Database(
          "55P03".equals(state) ? "somebody else has locked what the statement needs" : "a statement failed (SQLSTATE " + state + ")",
          state, "55P03".equals(state), failure);
      case "40" -> new TaskerException.Database("PostgreSQL rolled the transaction back", state, true, failure);
      case "28" -> new TaskerException.Database("PostgreSQL refused the user or the password" + why, state, false, failure);
      case "3D" -> new TaskerException.Database("there is no such database" + why, state, false, failure);
      case "3F" -> new TaskerException.Database(NO_SCHEMA, state, false, failure);
      case "42" -> Set.of("42P01", "42883").contains(state)
          ? new TaskerException.Database(NO_SCHEMA, state, false, failure)
          : new TaskerException.Database("PostgreSQL refused a statement (SQLSTATE " + state + ")" + why, state, false, failure);
      default -> new TaskerException.Database(
          why.isEmpty() ? "a statement failed (SQLSTATE " + state + ")" : "no connection" + why, state, false, failure);
    };
  }

  private static String poolFigures(SQLException failure) {
    String message = String.valueOf(failure.getMessage());
    int open = message.lastIndexOf('(');
    int close = message.lastIndexOf(')');
    String figures = 0 <= open && open < close ? message.substring(open + 1, close) : "no figures";
    Throwable cause = failure.getCause();
    String reason = cause instanceof SQLException sql ? "; PostgreSQL cannot be reached, SQLSTATE " + sql.getSQLState() : "";
    reason += cause instanceof ConnectionFailure ? ", " + cause.getMessage() : "";
    return figures + reason;
  }
}
