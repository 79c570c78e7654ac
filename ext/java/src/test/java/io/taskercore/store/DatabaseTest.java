package io.taskercore.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.taskercore.model.TaskerException;
import io.taskercore.testing.TestDatabase;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Transactions, and what failures of SQL are told as. */
class DatabaseTest {

  private final TestDatabase place = TestDatabase.migrated();
  private final Database database = new Database(place.dataSource());

  @BeforeEach
  void table() {
    place.execute("CREATE TABLE note (word text PRIMARY KEY)");
  }

  @AfterEach
  void close() {
    place.execute("DROP TABLE note");
    place.close();
  }

  private static Void write(Connection connection, String word) throws SQLException {
    try (Statement statement = connection.createStatement()) {
      statement.execute("INSERT INTO note VALUES ('" + word + "')");
    }
    return null;
  }

  private static SQLException sqlState(String state) {
    return new SQLException("INSERT of hunter2", state);
  }

  private long words() {
    return place.number("SELECT count(*) FROM note");
  }

  @Test
  void aTransactionIsCommittedAsAWhole() {
    database.transaction(connection -> {
      write(connection, "one");
      return write(connection, "two");
    });

    assertThat(words()).isEqualTo(2);
  }

  @Test
  void aTransactionThatFailsLeavesNothing() {
    assertThatThrownBy(() -> database.transaction(connection -> {
      write(connection, "one");
      throw new TaskerException.State("no");
    })).isInstanceOf(TaskerException.State.class);
    assertThatThrownBy(() -> database.transaction(connection -> {
      write(connection, "one");
      return write(connection, "one");
    })).isInstanceOf(TaskerException.Database.class);

    assertThat(words()).isZero();
  }

  @ParameterizedTest
  @CsvSource({"40001", "40P01"})
  void theLoserOfARaceTriesAgain(String state) {
    AtomicInteger tries = new AtomicInteger();

    int won = database.transaction(connection -> {
      write(connection, "one");
      if (tries.incrementAndGet() < 4) {
        throw sqlState(state);
      }
      return tries.get();
    });

    assertThat(won).isEqualTo(4);
    assertThat(words()).isEqualTo(1);
  }

  @Test
  void aRaceThatIsLostAgainAndAgainIsATransientError() {
    AtomicInteger tries = new AtomicInteger();

    var failure = catchThrowableOfType(TaskerException.Database.class, () -> database.call(connection -> {
      tries.incrementAndGet();
      throw sqlState("40001");
    }));

    assertThat(tries).hasValue(5);
    assertThat(failure.isTransient()).isTrue();
  }

  @ParameterizedTest
  @CsvSource({
    "08006, true", "57P01, true", "53300, true", "40001, true",
    "28P01, false", "3D000, false", "42P01, false", "42601, false", "23505, false", "22P02, false",
  })
  void aFailureTellsItsStateAndWhetherToTryAgainAndNothingOfTheStatement(String state, boolean isTransient) {
    var failure = catchThrowableOfType(TaskerException.Database.class, () -> database.call(connection -> {
      throw sqlState(state);
    }));

    assertThat(failure.sqlState()).isEqualTo(state);
    assertThat(failure.isTransient()).isEqualTo(isTransient);
    assertThat(failure).hasMessageStartingWith("Database error: ").hasMessageNotContainingAny("INSERT", "hunter2");
  }

  @Test
  void aMissingTableMeansAMissingSchema() {
    place.execute("ALTER SCHEMA tasker RENAME TO elsewhere");
    try {
      assertThatThrownBy(() -> database.call(connection -> connection.createStatement().execute("TABLE tasker.tasks")))
          .isInstanceOf(TaskerException.Database.class).hasMessageContaining("migrate!");
    } finally {
      place.execute("ALTER SCHEMA elsewhere RENAME TO tasker");
    }
  }

  @Test
  void workInTheCallersTransactionIsTheCallersToEnd() throws SQLException {
    try (Connection connection = place.dataSource().getConnection()) {
      connection.setAutoCommit(false);
      Database.within(connection, on -> write(on, "one"));
      Database.allOrNothingWithin(connection, on -> write(on, "two"));
      assertThat(words()).isZero();

      connection.commit();

      assertThat(words()).isEqualTo(2);
    }
  }

  @Test
  void workThatFailsInTheCallersTransactionTakesOnlyItsOwnBack() throws SQLException {
    try (Connection connection = place.dataSource().getConnection()) {
      connection.setAutoCommit(false);
      write(connection, "before");
      assertThatThrownBy(() -> Database.allOrNothingWithin(connection, on -> {
        write(on, "within");
        return write(on, "before");
      })).isInstanceOf(TaskerException.Database.class);
      write(connection, "after");

      connection.commit();

      assertThat(place.column("SELECT word FROM note")).containsExactlyInAnyOrder("before", "after");
    }
  }

  @Test
  void onAConnectionThatCommitsByItselfTheWorkIsATransaction() throws SQLException {
    try (Connection connection = place.dataSource().getConnection()) {
      assertThatThrownBy(() -> Database.within(connection, on -> {
        write(on, "one");
        return write(on, "one");
      })).isInstanceOf(TaskerException.Database.class);
      assertThat(words()).isZero();

      Database.within(connection, on -> write(on, "one"));

      assertThat(words()).isEqualTo(1);
      assertThat(connection.getAutoCommit()).isTrue();
    }
  }

  @Test
  void aWaitForAConnectionThatIsInterruptedIsToldAsThat() {
    SQLException interrupted = new SQLException("Interrupted during connection acquisition", new InterruptedException());

    TaskerException.Database told = Database.failed(interrupted);

    assertThat(told).hasMessage("Database error: the wait for a connection was interrupted");
    assertThat(told.isTransient()).isTrue();
  }
}
