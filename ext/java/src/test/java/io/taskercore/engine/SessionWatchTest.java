package io.taskercore.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.zaxxer.hikari.HikariDataSource;
import io.taskercore.config.OrchestrationConfig;
import io.taskercore.model.Json;
import io.taskercore.model.TaskerException;
import io.taskercore.store.Database;
import io.taskercore.store.Sessions;
import io.taskercore.store.Sessions.Session;
import io.taskercore.testing.Await;
import io.taskercore.testing.TestDatabase;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class SessionWatchTest {

  private final TestDatabase testDatabase = TestDatabase.create();
  private final OrchestrationConfig config = OrchestrationConfig.fromJson(
      Json.of("{\"database_url\": \"" + testDatabase.url() + "\", \"database_pool_size\": 1}"));
  private final Sessions sessions = new Sessions();
  private final HikariDataSource pool = Connections.pool(config, new CurrentMode(config.connectionMode()), new SpoiltSessions(), sessions);
  private final Database database = new Database(pool, connection -> {}, Database.Watch.NOBODY, sessions);
  private final AtomicInteger gone = new AtomicInteger();
  private final SessionWatch watch =
      new SessionWatch(sessions, Connections.brief(config, config.connectionMode()), Runnable::run, gone::incrementAndGet);

  @AfterEach
  void drop() {
    pool.close();
    testDatabase.close();
  }

  private void runForLong() {
    database.call(connection -> {
      try (Statement statement = connection.createStatement()) {
        return statement.execute("SELECT pg_sleep(600)");
      }
    });
  }

  private long atWork() {
    return testDatabase.number("SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query = 'SELECT pg_sleep(600)'");
  }

  /** Gives up the session on which a call waits. */
  private Session giveUp() throws SQLException {
    CompletableFuture<Void> call = CompletableFuture.runAsync(this::runForLong);
    Await.until("the server is at it", () -> atWork() == 1);
    Session session = sessions.waitingFor(0).get(0);
    session.abort(Runnable::run);
    assertThatThrownBy(call::join).hasCauseInstanceOf(TaskerException.Database.class);
    return session;
  }

  @Test
  void whatWasGivenUpHereIsEndedThereAndWhatItMayHaveCommittedIsAskedFor() throws SQLException {
    Session session = giveUp();
    assertThat(atWork()).as("the server does not know").isEqualTo(1);
    assertThat(sessions.givenUp()).containsExactly(session);

    watch.look();

    Await.until("it is gone there", () -> atWork() == 0);
    assertThat(gone).as("until it is gone it may commit").hasValue(0);
    Await.until("it is forgotten here", () -> {
      watch.look();
      return sessions.givenUp().isEmpty();
    });
    assertThat(gone).hasValue(1);
  }
}
