package io.taskercore.engine.report;

import io.taskercore.store.Database;
import io.taskercore.store.Grants;
import io.taskercore.store.ServerProbe;
import io.taskercore.store.ServerProbe.Answer;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * Asks PostgreSQL for a sign of life, and waits no longer than a time-out. A question that gets no answer goes on waiting on its own
 * thread. Until that ends nobody asks again, so that a dead server costs one thread and one connection.
 */
public final class DatabaseProbe {

  /** Rights seldom change. */
  private static final long GRANTS_NANOS = TimeUnit.MINUTES.toNanos(1);

  private final Database database;
  private final Executor executor;
  private final ServerProbe server = new ServerProbe();
  private final Grants grants = new Grants();

  /** Used by the one question that is under way. */
  private volatile Long grantsNanos;
  private volatile List<String> missingGrants = List.of();
  private CompletableFuture<Found> asked;

  public DatabaseProbe(Database database, Executor executor) {
    this.database = database;
    this.executor = executor;
  }

  /**
   * The answer to a question.
   *
   * @param latencyMs from the question to the answer, without the wait for a connection
   * @param skewMs how far this machine's clock is ahead of PostgreSQL's
   * @param hasSchema whether the engine's tables are there
   * @param missingGrants what its user would have to be granted to work; seldom looked at again
   */
  record Found(double latencyMs, double skewMs, boolean readOnly, boolean hasSchema, List<String> missingGrants) {}

  /**
   * @return the answer
   * @throws TimeoutException if there was none in time
   * @throws ExecutionException with what PostgreSQL, the way to it, or the pool said instead
   */
  Found ask(long timeoutMs) throws InterruptedException, ExecutionException, TimeoutException {
    return question().get(timeoutMs, TimeUnit.MILLISECONDS);
  }

  private synchronized CompletableFuture<Found> question() {
    if (asked == null || asked.isDone()) {
      asked = CompletableFuture.supplyAsync(this::ask, executor);
    }
    return asked;
  }

  private Found ask() {
    return database.call(connection -> {
      long begun = System.nanoTime();
      long sentMs = System.currentTimeMillis();
      Answer answer = server.ask(connection);
      double midwayMs = (sentMs + System.currentTimeMillis()) / 2.0;
      double latencyMs = (System.nanoTime() - begun) / 1_000_000.0;
      return new Found(latencyMs, midwayMs - answer.clockMs(), answer.readOnly(), answer.hasSchema(), missingGrants(connection));
    });
  }

  private List<String> missingGrants(Connection connection) throws SQLException {
    long now = System.nanoTime();
    if (grantsNanos == null || !missingGrants.isEmpty() || now - grantsNanos >= GRANTS_NANOS) {
      missingGrants = grants.missing(connection);
      grantsNanos = now;
    }
    return missingGrants;
  }
}
