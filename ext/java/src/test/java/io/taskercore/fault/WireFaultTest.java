package io.taskercore.fault;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** The wire between a worker and PostgreSQL breaks, stalls, or is silent for good; and the pool has nothing left to give. */
@SuppressWarnings("try") // what runs beside a test works without being referred to
class WireFaultTest {

  private static final Map<String, Object> DEFAULTS = Map.of();

  @RegisterExtension
  final Site site = Site.shared();

  private final long seed = Long.getLong("tasker.seed", System.nanoTime() % 1_000_000);

  private void load(int ofEach) {
    site.say("tasker.seed=" + seed);
    site.mixedTasks(Plan.mixed(new Random(seed)), ofEach);
  }

  private void awaitSome(int tasks) {
    Patience.until(tasks + " tasks have ended", () -> site.ended() >= tasks);
  }

  @Test
  void connectionsThatBreakAgainAndAgain() {
    Wire wire = site.wire();
    site.worker("w", wire, DEFAULTS).awaitReady();
    load(5);
    try (Site.Repeating cutter = Site.every(Duration.ofMillis(400), wire::cut)) {
      site.awaitAllEnded();
    }

    assertThat(site.crashes()).isZero();
    site.verdict();
  }

  /** A router has forgotten the connections, or the server's machine is gone: nobody ever says so. */
  @Test
  void connectionsThatAreSilentForGood() {
    Wire wire = site.wire();
    WorkerProcess worker = site.worker("w", wire, DEFAULTS).awaitReady();
    // Its claims may lapse meanwhile: it cannot know.
    worker.expectHarm();
    load(5);
    awaitSome(10);

    wire.forsake();
    long forsakenNanos = System.nanoTime();

    long before = site.ended();
    Patience.until("it goes on by new connections", () -> site.ended() > before);
    site.say("it went on after " + (System.nanoTime() - forsakenNanos) / 1_000_000 + " ms");
    site.awaitAllEnded();
    site.verdict();
  }

  @Test
  void aWireThatStallsForThreeLeasesWhileAnotherProcessIsThere() {
    Wire wire = site.wire();
    WorkerProcess stalled = site.worker("stalled", wire, Map.of("lease_ms", 2_000)).awaitReady();
    stalled.expectHarm();
    load(4);
    awaitSome(10);
    wire.stall();
    site.worker("other", Map.of("lease_ms", 2_000)).awaitReady();
    site.awaitAllEnded();

    Patience.pass(Duration.ofSeconds(6));
    wire.heal();
    long runs = stalled.runs().size();
    load(2);
    site.awaitAllEnded();
    Patience.until("what was stalled works again", () -> {
      if (stalled.runs().size() == runs) {
        site.task(Plan.of("again", StepPlan.step(5)));
        site.awaitAllEnded();
      }
      return stalled.runs().size() > runs;
    });
    site.verdict();
  }

  /** A switch was dead for both, say: one of them is back earlier, and must not think the other one dead. */
  @Test
  void whoWasCutOffTooTakesNobodyForDeadBeforeTheyCouldRenew() {
    Map<String, Object> settings = Map.of("lease_ms", 6_000, "max_parallel_steps", 1);
    List<Wire> wires = List.of(site.wire(), site.wire());
    WorkerProcess late = site.worker("late", wires.get(0), settings).awaitReady();
    late.awaitBegun(Site.stepId(site.task(Plan.of("held", StepPlan.step(0).gated("held"))), 0));
    WorkerProcess early = site.worker("early", wires.get(1), settings).awaitReady();
    early.awaitBegun(Site.stepId(site.task(Plan.of("held", StepPlan.step(0).gated("held"))), 0));

    wires.forEach(Wire::cutForNow);
    Patience.until("both leases have lapsed", () -> site.lapsedLeases() == 2);
    wires.get(1).heal();
    Patience.until("one is back", () -> site.lapsedLeases() == 1);
    Patience.pass(Duration.ofMillis(3_500)); // more than half a lease, in which it looks for the dead several times
    wires.get(0).heal();
    Patience.until("the other is back", () -> site.lapsedLeases() == 0);
    site.openGate("held");

    site.awaitAllEnded();
    assertThat(site.crashes()).isZero();
    assertThat(site.verdict().excess()).isZero();
  }

  /** Its machine has lost its power, say: PostgreSQL has a transaction of it, with locks, and hears nothing any more. */
  @Test
  void aProcessThatIsGoneWithinATransactionHoldsUpNobody() {
    WorkerProcess victim = site.worker("victim", Map.of("lease_ms", 2_000)).awaitReady();
    long taskId = site.task(Plan.of("held", StepPlan.step(0).gated("first")));
    victim.awaitBegun(Site.stepId(taskId, 0));
    Wire wire = site.wire();
    WorkerProcess gone = site.worker("gone", wire, Map.of("lease_ms", 2_000)).awaitReady();

    // It is about to take the victim's steps, and has the victim's row locked.
    wire.stallAnswersTo("SET dead_at = statement_timestamp()");
    victim.kill();
    Patience.until("it was asked for that", wire::hasStalledAnswers);
    Patience.until("its transaction waits for it", () -> site.database().number("""
        SELECT count(*) FROM pg_stat_activity WHERE application_name = 'gone' AND state = 'idle in transaction'""") == 1);
    wire.stall();
    gone.kill();
    site.openGate("first");
    WorkerProcess other = site.worker("other", Map.of("lease_ms", 2_000)).awaitReady();

    long tookMs = other.awaitBegun(Site.stepId(taskId, 0)).begunAtMs() - gone.killedAtMs();
    site.say("the step ran elsewhere after " + tookMs + " ms");
    site.awaitAllEnded();
    site.verdict();
  }

  /** Two connections, both of which wait for a lock for longer than a lease: the process lives, and says so. */
  @Test
  void aPoolAllOfWhoseConnectionsWaitCostsNobodyTheLease() throws Exception {
    site.worker("w", Map.of("database_pool_size", 2, "lease_ms", 4_000)).awaitReady();
    site.worker("other", Map.of("lease_ms", 4_000)).awaitReady();
    load(4);
    awaitSome(5);
    try (var connection = site.database().dataSource().getConnection(); var statement = connection.createStatement()) {
      connection.setAutoCommit(false);
      statement.execute("LOCK TABLE tasker.step_queue IN ACCESS EXCLUSIVE MODE");
      Patience.pass(Duration.ofSeconds(9));
      connection.rollback();
    }
    site.awaitAllEnded();

    assertThat(site.crashes()).as("crashes").isZero();
    site.verdict();
  }

  @Test
  void aPoolOfOne() {
    site.worker("w", Map.of("database_pool_size", 1, "max_parallel_steps", 20)).awaitReady();
    load(5);
    site.awaitAllEnded();

    assertThat(site.crashes()).isZero();
    assertThat(site.verdict().excess()).isLessThanOrEqualTo(
        site.database().number("SELECT count(*) FROM tasker.workflow_steps WHERE state = 'cancelled'"));
  }
}
