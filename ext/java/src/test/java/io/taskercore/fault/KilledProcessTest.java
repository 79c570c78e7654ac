package io.taskercore.fault;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Worker processes that die by kill -9, are paused, or come without a handler. */
class KilledProcessTest {

  private static final Map<String, Object> DEFAULTS = Map.of();
  private static final Map<String, Object> SHORT_LEASE = Map.of("lease_ms", 1_000);

  @RegisterExtension
  final Site site = Site.shared();

  /** Until the step runs elsewhere, by the clock of this machine: printed, for a slow machine is no failure. */
  private void sayRecovered(WorkerProcess killed, WorkerProcess other, long stepId) {
    long tookMs = other.awaitBegun(stepId).begunAtMs() - killed.killedAtMs();
    site.say("the step ran elsewhere " + tookMs + " ms after the death of its process (10,000 are promised)");
  }

  private static Plan threeInARow(String gate) {
    return Plan.of("row", StepPlan.step(0), StepPlan.step(0, 0).gated(gate), StepPlan.step(0, 1));
  }

  @Test
  void killedInsideAHandler() {
    WorkerProcess doomed = site.worker("doomed", DEFAULTS).awaitReady();
    long taskId = site.task(threeInARow("middle"));
    long middle = Site.stepId(taskId, 1);
    doomed.awaitBegun(middle);
    WorkerProcess other = site.worker("other", DEFAULTS).awaitReady();

    doomed.kill();
    site.openGate("middle");

    sayRecovered(doomed, other, middle);
    site.awaitAllEnded();
    assertThat(site.runsOf(Site.stepId(taskId, 0))).containsExactly("doomed#1");
    assertThat(site.runsOf(middle)).containsExactly("doomed#1", "other#2");
    assertThat(site.runsOf(Site.stepId(taskId, 2))).containsExactly("other#1");
    assertThat(site.verdict().excess()).isEqualTo(1);
  }

  @Test
  void killedBetweenHandlerAndCommit() {
    Wire wire = site.wire();
    WorkerProcess doomed = site.worker("doomed", wire, DEFAULTS).awaitReady();
    long taskId = site.task(threeInARow("middle"));
    long middle = Site.stepId(taskId, 1);
    doomed.awaitBegun(middle);
    WorkerProcess other = site.worker("other", DEFAULTS).awaitReady();

    wire.stallRequests();
    site.openGate("middle");
    doomed.awaitEnded(middle);
    doomed.kill();
    wire.cut();

    sayRecovered(doomed, other, middle);
    site.awaitAllEnded();
    assertThat(site.runsOf(middle)).containsExactly("doomed#1", "other#2");
    assertThat(site.verdict().excess()).isEqualTo(1);
  }

  @Test
  void killedAfterTheCommitAndBeforeItKnows() {
    Wire wire = site.wire();
    WorkerProcess doomed = site.worker("doomed", wire, DEFAULTS).awaitReady();
    long taskId = site.task(Plan.of("pair", StepPlan.step(0).gated("first"), StepPlan.step(0, 0)));
    long first = Site.stepId(taskId, 0);
    long second = Site.stepId(taskId, 1);
    doomed.awaitBegun(first);
    WorkerProcess other = site.worker("other", DEFAULTS).awaitReady();

    wire.stallAnswersTo("record_outcome(");
    site.openGate("first");
    site.awaitState(first, "complete");
    assertThat(site.state(second)).as("handed over with its parent's result").isEqualTo("in_progress");
    doomed.kill();
    wire.cut();

    sayRecovered(doomed, other, second);
    site.awaitAllEnded();
    assertThat(site.runsOf(first)).containsExactly("doomed#1");
    assertThat(site.runsOf(second)).containsExactly("other#2");
    assertThat(site.verdict().excess()).isZero();
  }

  /** Their machine stood still, say, with both of them: who wakes first must not think the other one dead. */
  @Test
  void whoStoodStillTooTakesNobodyForDeadBeforeTheyCouldRenew() {
    Map<String, Object> settings = Map.of("lease_ms", 3_000, "max_parallel_steps", 1);
    WorkerProcess first = site.worker("first", settings).awaitReady();
    first.awaitBegun(Site.stepId(site.task(Plan.of("held", StepPlan.step(0).gated("held"))), 0));
    WorkerProcess second = site.worker("second", settings).awaitReady();
    second.awaitBegun(Site.stepId(site.task(Plan.of("held", StepPlan.step(0).gated("held"))), 0));

    List.of(first, second).forEach(WorkerProcess::pause);
    Patience.until("both leases have lapsed", () -> site.lapsedLeases() == 2);
    first.resume();
    Patience.until("one is back", () -> site.lapsedLeases() == 1);
    Patience.pass(Duration.ofMillis(2_000)); // more than half a lease, in which it looks for the dead several times
    second.resume();
    Patience.until("the other is back", () -> site.lapsedLeases() == 0);
    site.openGate("held");

    site.awaitAllEnded();
    assertThat(site.crashes()).isZero();
    assertThat(site.verdict().excess()).isZero();
  }

  @Test
  void pausedForThreeLeasesItFindsItsResultRefusedAndWorksOn() {
    WorkerProcess sleeper = site.worker("sleeper", SHORT_LEASE).awaitReady();
    long taskId = site.task(threeInARow("middle"));
    long middle = Site.stepId(taskId, 1);
    sleeper.awaitBegun(middle);
    sleeper.pause();
    WorkerProcess other = site.worker("other", SHORT_LEASE).awaitReady();
    other.awaitBegun(middle);
    site.openGate("middle");
    site.awaitAllEnded();

    sleeper.resume();
    sleeper.awaitEnded(middle);
    other.terminate();
    long next = site.task(Plan.of("next", StepPlan.step(0), StepPlan.step(0, 0)));
    site.awaitAllEnded();

    assertThat(site.runsOf(middle)).containsExactly("sleeper#1", "other#2");
    assertThat(site.runsOf(Site.stepId(taskId, 2))).containsExactly("other#1");
    assertThat(site.database().value(
        "SELECT result->>'by' FROM tasker.workflow_steps WHERE step_id = " + middle)).isEqualTo("other");
    assertThat(site.runsOf(Site.stepId(next, 1))).containsExactly("sleeper#1");
    assertThat(site.verdict().excess()).isEqualTo(1);
  }

  /** As when it was paused, and claims something before it finds out. */
  @Test
  void whatAProcessTakenForDeadHasClaimedSinceIsACrashAndNoFailedAttempt() {
    WorkerProcess worker = site.worker("w", Map.of("lease_ms", 6_000)).awaitReady();
    site.task(Plan.of("first", StepPlan.step(0)));
    site.awaitAllEnded();

    site.database().execute("UPDATE tasker.processes SET dead_at = now()");
    long taskId = site.task(Plan.of("since", StepPlan.step(0).gated("since")));
    worker.expectHarm();
    Patience.until("it runs again", () -> site.runsOf(Site.stepId(taskId, 0)).size() == 2);
    site.openGate("since");

    site.awaitAllEnded();
    assertThat(site.database().value(
        "SELECT attempts || ' ' || crashes FROM tasker.workflow_steps WHERE step_id = " + Site.stepId(taskId, 0)))
        .isEqualTo("2 1");
    site.verdict();
  }

  @Test
  void aStepThatKillsItsProcessEachTimeEndsInErrorAndTheOthersGoOn() {
    try (Fleet fleet = new Fleet(site, 1, SHORT_LEASE)) {
      fleet.expectHarm();
      long deadly = site.task(Plan.of("deadly", StepPlan.step(0).killingItsProcess(), StepPlan.step(0, 0)));
      site.awaitState(Site.stepId(deadly, 0), "error");
      site.tasks(threeInARow("open"), 5);
      site.openGate("open");

      site.awaitAllEnded();

      assertThat(site.runsOf(Site.stepId(deadly, 0))).hasSize(3);
      assertThat(site.database().value(
          "SELECT error->>'error_code' FROM tasker.workflow_steps WHERE step_id = " + Site.stepId(deadly, 0)))
          .isEqualTo("crash_limit");
      assertThat(site.verdict().crashes()).isEqualTo(3);
    }
  }

  @Test
  void itTakesNoOtherStepToItsLimitWithIt() {
    long[] beside = site.tasks(Plan.of("beside", StepPlan.step(2_000), StepPlan.step(0, 0)), 6);
    long deadly = site.task(Plan.of("deadly", StepPlan.step(500).killingItsProcess()));
    try (Fleet fleet = new Fleet(site, 1, SHORT_LEASE)) {
      fleet.expectHarm();

      site.awaitAllEnded();

      assertThat(site.state(Site.stepId(deadly, 0))).isEqualTo("error");
      assertThat(LongStream.of(beside).boxed()).allSatisfy(taskId -> assertThat(site.state(Site.stepId(taskId, 1))).isEqualTo("complete"));
      assertThat(site.runsOf(Site.stepId(deadly, 0))).hasSize(3);
      site.verdict();
    }
  }

  @Test
  void aStepThatKillsItsProcessBesideManyTakesNoneOfThemWithItAndEndsAfterFourDeathsAtMost() {
    long[] beside = site.tasks(Plan.of("beside", StepPlan.step(5), StepPlan.step(5, 0)), 400);
    long deadly = site.task(Plan.of("deadly", StepPlan.step(0).killingItsProcess()));
    try (Fleet fleet = new Fleet(site, 1, Map.of("lease_ms", 2_000, "max_parallel_steps", 4))) {
      fleet.expectHarm();

      site.awaitAllEnded();

      assertThat(site.state(Site.stepId(deadly, 0))).isEqualTo("error");
      assertThat(site.runsOf(Site.stepId(deadly, 0))).hasSizeBetween(3, 4);
      assertThat(LongStream.of(beside).boxed()).allSatisfy(taskId -> assertThat(site.state(Site.stepId(taskId, 1))).isEqualTo("complete"));
      site.verdict();
    }
  }

  /** As deploys do that do not wait: what its process had claimed beforehand is none the worse for it. */
  @Test
  void killedFiveTimesInTheMidstOfManyClaimsNoStepEndsByThat() {
    Map<String, Object> settings = Map.of("lease_ms", 2_000, "max_parallel_steps", 2);
    site.tasks(Plan.of("short", StepPlan.step(2), StepPlan.step(2, 0)), 1_500);
    for (int death = 1; death <= 5; death++) {
      WorkerProcess doomed = site.worker("doomed" + death, settings).awaitReady();
      Patience.until("it holds more than it can have begun", () -> doomed.runs().size() > 50
          && site.database().number("SELECT count(*) FROM tasker.workflow_steps WHERE state = 'in_progress'") > 10);
      doomed.kill();
    }
    site.worker("staying", Map.of("lease_ms", 2_000)).awaitReady();

    site.awaitAllEnded();
    assertThat(site.database().number("SELECT count(*) FROM tasker.workflow_steps WHERE state <> 'complete'")).isZero();
    assertThat(site.database().number("SELECT count(*) FROM tasker.transitions WHERE reason = 'process_died'")).isPositive();
    site.verdict();
  }

  @Test
  void aStepWhoseHandlerNobodyHasWaitsSaysSoAndRunsOnceADeployBringsIt() {
    WorkerProcess old = site.worker("old", DEFAULTS).awaitReady();
    long taskId = site.task(Plan.of("newer", StepPlan.step(0)).handledBy("Newer"));
    site.task(threeInARow("open"));
    site.openGate("open");
    Patience.until("the other task has ended", () -> site.ended() == 1);

    JsonNode step = JsonMapper.builder().build().readTree(site.client().questions().explain(taskId).utf8()).get("steps").get(0);
    assertThat(step.get("reason").asString()).isEqualTo("no_live_worker_has_handler");
    assertThat(site.state(Site.stepId(taskId, 0))).isEqualTo("enqueued");
    site.worker("new", site.database().url(), DEFAULTS, List.of(), Plan.HANDLER + ",Newer").awaitReady();

    site.awaitAllEnded();
    assertThat(site.runsOf(Site.stepId(taskId, 0))).containsExactly("new#1");
    assertThat(old.isAlive()).isTrue();
    assertThat(site.verdict().excess()).isZero();
  }

  @Test
  void terminatedInOrderItGivesBackWhatItHasNotBegunAndNothingCrashes() {
    WorkerProcess leaving = site.worker("leaving", Map.of("max_parallel_steps", 2)).awaitReady();
    site.tasks(Plan.of("slow", StepPlan.step(200), StepPlan.step(200, 0)), 20);
    Patience.until("it is in the midst of it", () -> leaving.runs().size() > 5);
    site.worker("staying", Map.of("max_parallel_steps", 5)).awaitReady();

    leaving.terminate();

    site.awaitAllEnded();
    assertThat(site.verdict().excess()).isZero();
    assertThat(site.crashes()).isZero();
  }
}
