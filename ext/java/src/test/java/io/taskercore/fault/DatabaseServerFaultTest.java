package io.taskercore.fault;

import static org.assertj.core.api.Assertions.assertThat;

import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** PostgreSQL ends sessions, dies, is away, refuses: processes live through it, nobody is taken for dead, and nothing runs twice. */
@SuppressWarnings("try") // what runs beside a test works without being referred to
class DatabaseServerFaultTest {

  private static final Map<String, Object> DEFAULTS = Map.of();

  /** How long PostgreSQL is away, in seconds. */
  private static final Duration OUTAGE = Duration.ofSeconds(Integer.getInteger("tasker.fault.outage", 10));

  @RegisterExtension
  final Site site = Site.shared();

  private List<Plan> plans() {
    long seed = Long.getLong("tasker.seed", System.nanoTime() % 1_000_000);
    site.say("tasker.seed=" + seed);
    return Plan.mixed(new Random(seed));
  }

  private void awaitSome(int tasks) {
    Patience.until(tasks + " tasks have ended", () -> site.ended() >= tasks);
  }

  /** No fault of the server's makes a handler run again: a result that cannot be written now is written later. */
  private void assertThatNothingRanAgain() {
    assertThat(site.crashes()).as("crashes").isZero();
    assertThat(site.database().number("SELECT count(*) FROM tasker.transitions WHERE reason = 'interrupted'")).isZero();
    site.verdict();
  }

  @Test
  void sessionsThatAreTerminatedAtRandom() {
    try (Fleet fleet = new Fleet(site, 2, DEFAULTS).awaitReady()) {
      site.mixedTasks(plans(), 6);
      AtomicInteger terminated = new AtomicInteger();
      try (Site.Repeating terminator = Site.every(Duration.ofMillis(150), () -> terminated.addAndGet(site.database().column("""
          SELECT pg_terminate_backend(pid) FROM pg_stat_activity
          WHERE datname = current_database() AND application_name LIKE 'w_-_' ORDER BY random() LIMIT 2""").size()))) {
        Patience.until("many were terminated", () -> terminated.get() >= 40);
      }
      site.awaitAllEnded();

      assertThat(fleet.incarnations()).isEqualTo(2);
      site.say(terminated + " sessions terminated");
      assertThatNothingRanAgain();
    }
  }

  @Test
  void stoppedImmediatelyAndStartedAgainTwice() {
    try (Fleet fleet = new Fleet(site, 2, DEFAULTS).awaitReady()) {
      site.mixedTasks(plans(), 8);
      awaitSome(10);
      site.postgres().restartImmediately();
      awaitSome(50);
      site.postgres().restartImmediately();
      site.awaitAllEnded();

      assertThat(fleet.incarnations()).isEqualTo(2);
      assertThatNothingRanAgain();
    }
  }

  @Test
  void awayForLongerThanALeaseWhileHandlersEnd() {
    try (Fleet fleet = new Fleet(site, 2, DEFAULTS).awaitReady()) {
      long[] taskIds = site.tasks(Plan.of("held", StepPlan.step(0).gated("during"), StepPlan.step(0, 0)), 6);
      for (long taskId : taskIds) {
        Patience.until("all wait in their handlers", () -> !site.runsOf(Site.stepId(taskId, 0)).isEmpty());
      }
      site.postgres().stopImmediately();
      site.openGate("during");
      Patience.pass(OUTAGE);
      site.postgres().start();
      long startedNanos = System.nanoTime();
      site.awaitAllEnded();

      site.say("all had ended " + (System.nanoTime() - startedNanos) / 1_000_000 + " ms after PostgreSQL was back");
      assertThat(fleet.incarnations()).isEqualTo(2);
      for (long taskId : taskIds) {
        assertThat(site.runsOf(Site.stepId(taskId, 0))).hasSize(1);
      }
      assertThatNothingRanAgain();
    }
  }

  @Test
  void readOnlyForLongerThanALease() {
    try (Fleet fleet = new Fleet(site, 2, DEFAULTS).awaitReady()) {
      site.mixedTasks(plans(), 6);
      awaitSome(10);
      readOnly("on");
      try {
        Patience.pass(Duration.ofSeconds(7));
      } finally {
        readOnly("off");
      }
      site.awaitAllEnded();

      assertThat(fleet.incarnations()).isEqualTo(2);
      assertThatNothingRanAgain();
    }
  }

  /** For all sessions of the server, those that are there included. */
  private void readOnly(String value) {
    site.database().execute("ALTER SYSTEM SET default_transaction_read_only = " + value);
    site.database().execute("SELECT pg_reload_conf()");
  }

  /** Commits wait for it for longer than any answer is waited for elsewhere; leases do not. */
  @Test
  void aStandbyThatAcknowledgesNoMore() {
    int pool = 5;
    int mostSessions = pool + 4; // the lease's, the listener's, and two that look after the others
    try (Fleet fleet = new Fleet(site, 2, Map.of("database_pool_size", pool)).awaitReady()) {
      site.mixedTasks(plans(), 6);
      awaitSome(10);
      AtomicLong sessions = new AtomicLong();
      AtomicLong lapsed = new AtomicLong();
      standby("nobody");
      CompletableFuture<Long> late = CompletableFuture.supplyAsync(() -> site.task(Plan.of("late", StepPlan.step(0))));
      try (Site.Repeating watch = Site.every(Duration.ofMillis(200), () -> {
        sessions.accumulateAndGet(sessionsOfOneProcess(), Math::max);
        lapsed.accumulateAndGet(site.lapsedLeases(), Math::max);
      })) {
        Patience.until("health names the standby", () -> site.client().questions().health().text().contains("a synchronous standby that does not"));
        Patience.pass(Duration.ofSeconds(Integer.getInteger("tasker.fault.standby", 40)));
      } finally {
        standby("");
      }
      assertThat(late.join()).as("the task whose creation waited").isPositive();
      site.say("at most " + sessions + " sessions of a process");
      assertThat(sessions.get()).isBetween(1L, (long) mostSessions);
      assertThat(lapsed.get()).as("leases that lapsed").isZero();
      site.awaitAllEnded();

      assertThat(fleet.incarnations()).isEqualTo(2);
      assertThatNothingRanAgain();
    }
  }

  private void standby(String names) {
    site.database().execute("ALTER SYSTEM SET synchronous_standby_names = '" + names + "'");
    site.database().execute("SELECT pg_reload_conf()");
  }

  private long sessionsOfOneProcess() {
    return site.database().number("""
        SELECT COALESCE(max(n), 0)
        FROM (SELECT count(*) AS n FROM pg_stat_activity WHERE application_name LIKE 'w_-_' GROUP BY application_name) s""");
  }

  @Test
  void serializationFailuresAndDeadlocksAtRandom() {
    site.database().execute("""
        CREATE FUNCTION tasker.lose_a_race() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          IF random() < 0.1 THEN
            RAISE EXCEPTION 'injected' USING ERRCODE = 'serialization_failure';
          ELSIF random() < 0.1 THEN
            RAISE EXCEPTION 'injected' USING ERRCODE = 'deadlock_detected';
          END IF;
          RETURN NULL;
        END $$""");
    List<String> tables = List.of("transitions", "workflow_steps", "processes");
    for (String table : tables) {
      site.database().execute("CREATE TRIGGER lose_a_race AFTER INSERT OR UPDATE ON tasker." + table
          + " FOR EACH STATEMENT EXECUTE FUNCTION tasker.lose_a_race()");
    }
    try (Fleet fleet = new Fleet(site, 2, DEFAULTS).awaitReady()) {
      plans().forEach(plan -> persist(() -> site.tasks(plan, 4)));
      site.awaitAllEnded();
      tables.forEach(table -> site.database().execute("DROP TRIGGER lose_a_race ON tasker." + table));

      assertThat(fleet.incarnations()).isEqualTo(2);
      assertThatNothingRanAgain();
    }
  }

  /** Races are lost by the client too, which tries five times by itself; here a caller persists. */
  private static void persist(Runnable call) {
    for (int tries = 1; ; tries++) {
      try {
        call.run();
        return;
      } catch (io.taskercore.model.TaskerException.Database lost) {
        assertThat(lost.isTransient()).isTrue();
        assertThat(tries).isLessThan(50);
      }
    }
  }

  @Test
  void theListenersConnectionDropped() {
    site.worker("w", Map.of("poll_interval_ms", 600_000)).awaitReady();
    String listening = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'";
    Patience.until("it listens", () -> site.database().column(listening).size() == 1);
    site.task(Plan.of("before", StepPlan.step(0)));
    site.awaitAllEnded();
    String first = site.database().value(listening);

    site.database().execute("SELECT pg_terminate_backend(" + first + ")");
    site.task(Plan.of("meanwhile", StepPlan.step(0), StepPlan.step(0, 0)));

    site.awaitAllEnded();
    Patience.until("it listens again", () -> site.database().column(listening).stream().anyMatch(pid -> !pid.equals(first)));
    site.task(Plan.of("after", StepPlan.step(0)));
    site.awaitAllEnded();
    assertThatNothingRanAgain();
  }

  @Test
  void noConnectionLeftOnTheServer() throws SQLException {
    try (Fleet fleet = new Fleet(site, 2, DEFAULTS).awaitReady()) {
      site.mixedTasks(plans(), 6);
      awaitSome(5);
      List<Connection> hogs = new ArrayList<>();
      try {
        // What others leave free is taken as it comes free, for longer than a lease.
        try (Site.Repeating hog = Site.every(Duration.ofMillis(50), () -> hog(hogs));
            Site.Repeating terminator = Site.every(Duration.ofMillis(500), () -> terminateThrough(hogs))) {
          Patience.pass(Duration.ofSeconds(6));
        }
        site.say(hogs.size() + " connections were taken");
      } finally {
        for (Connection connection : hogs) {
          connection.close();
        }
      }
      site.awaitAllEnded();

      assertThat(fleet.incarnations()).isEqualTo(2);
      site.verdict();
    }
  }

  private void hog(List<Connection> hogs) {
    try {
      while (true) {
        hogs.add(site.database().dataSource().getConnection());
      }
    } catch (SQLException full) {
      assertThat(full.getSQLState()).isEqualTo("53300");
    }
  }

  private static void terminateThrough(List<Connection> hogs) {
    if (hogs.isEmpty()) {
      return;
    }
    try (Statement statement = hogs.get(0).createStatement()) {
      statement.execute("""
          SELECT pg_terminate_backend(pid) FROM pg_stat_activity
          WHERE datname = current_database() AND application_name LIKE 'w_-_' ORDER BY random() LIMIT 2""");
    } catch (SQLException failure) {
      throw new IllegalStateException(failure);
    }
  }

  @Test
  void aTransactionThatPinsASnapshotUnderLoad() throws SQLException {
    Plan plan = Plan.of("load", StepPlan.step(0), StepPlan.step(0, 0), StepPlan.step(0, 0), StepPlan.step(0, 1, 2));
    try (Fleet fleet = new Fleet(site, 2, DEFAULTS).awaitReady()) {
      rate(plan, 150);
      double free = rate(plan, 300);
      double pinned;
      try (Connection connection = site.database().dataSource().getConnection();
          Statement statement = connection.createStatement()) {
        connection.setAutoCommit(false);
        connection.setTransactionIsolation(Connection.TRANSACTION_REPEATABLE_READ);
        statement.execute("SELECT count(*) FROM tasker.workflow_steps");
        rate(plan, 300);
        pinned = rate(plan, 300);
        connection.rollback();
      }

      site.say("%.0f tasks/s, and %.0f with a pinned snapshot".formatted(free, pinned));
      assertThat(fleet.incarnations()).isEqualTo(2);
      assertThatNothingRanAgain();
    }
  }

  /** Tasks per second. */
  private double rate(Plan plan, int tasks) {
    long began = System.nanoTime();
    site.tasks(plan, tasks);
    site.awaitAllEnded();
    return tasks * 1e9 / (System.nanoTime() - began);
  }
}
