package io.taskercore.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.taskercore.config.ConnectionMode;
import io.taskercore.engine.claim.ListedTasks;
import io.taskercore.engine.claim.UnconfirmedClaims;
import io.taskercore.engine.clock.Deadline;
import io.taskercore.engine.housekeeping.Housekeeping;
import io.taskercore.engine.housekeeping.ProcessLease;
import io.taskercore.engine.housekeeping.Reaper;
import io.taskercore.model.Json;
import io.taskercore.model.TaskerException;
import io.taskercore.store.Database;
import io.taskercore.store.ProcessStore.Abilities;
import io.taskercore.store.Sessions;
import io.taskercore.testing.Await;
import io.taskercore.testing.DoomedProcess;
import io.taskercore.testing.Engine;
import io.taskercore.testing.Gate;
import io.taskercore.testing.Handlers;
import io.taskercore.testing.Handlers.Failed;
import io.taskercore.testing.RunningWorker;
import io.taskercore.testing.Workflow;
import java.io.IOException;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/** Several processes on one database: who holds a claim, for how long, and what happens when one of them dies. */
class LeaseTest {

  /** Longer than any test: such a process never renews, and never finds out by itself that it was taken for dead. */
  private static final Map<String, Object> DROWSY = Map.of("lease_ms", 3_600_000, "shutdown_timeout_ms", 0);

  private static final Map<String, Object> WATCHFUL = Map.of("lease_ms", 300);

  @RegisterExtension
  final Engine engine = Engine.start(WATCHFUL);

  /** What PostgreSQL sees of processes that are not heard of any more, while they hold something. */
  private void letLeasesLapse() {
    engine.database().execute("""
        UPDATE tasker.processes SET lease_until = now() - interval '1 second'
        WHERE process_id IN (SELECT process_id FROM tasker.workflow_steps WHERE state = 'in_progress')""");
  }

  private String process(long taskId, String step) {
    return engine.database().value("SELECT process_id FROM tasker.workflow_steps WHERE step_id = " + engine.stepId(taskId, step));
  }

  /** Our own process watches for dead ones as soon as it has claimed something itself. */
  private void watch() {
    engine.handlers().succeed("watch");
    engine.run(engine.task(Workflow.named("watch").step("watch")));
  }

  /** A task whose step a is run by a process that renews no lease any more and heeds no interrupt. */
  private final class Lost implements AutoCloseable {

    private final Gate gate = Gate.deaf("{}");
    private final long taskId = engine.task(Workflow.named("w").step("a"));
    private final Engine.Background run;

    private Lost() {
      Handlers theirs = new Handlers().on("a", gate);
      run = Engine.inBackground(engine.otherProcess("drowsy", theirs, DROWSY), theirs, taskId, null);
      gate.awaitEntered();
    }

    @Override
    public void close() {
      gate.openAndAwaitLeft();
      run.close();
    }
  }

  @Test
  void twoProcessesOnTheSameTasksRunEachStepOnce() {
    Handlers here = engine.handlers().succeed("Square");
    Handlers there = new Handlers().succeed("Square");
    Coordinator other = engine.otherProcess("other", there, WATCHFUL);
    List<Long> taskIds = new ArrayList<>();
    for (String shape : List.of("mixed", "tree", "order", "fan", "linear", "roots")) {
      engine.register(shape);
      taskIds.add(engine.task(shape, "{}"));
    }

    List<Engine.Background> runs = taskIds.stream().flatMap(taskId -> Stream.of(
        engine.inBackground(taskId), Engine.inBackground(other, there, taskId, null))).toList();

    assertThat(runs).allSatisfy(run -> assertThat(run.outcome().get("status").asString()).isEqualTo("complete"));
    int executed = runs.stream().mapToInt(run -> run.outcome().get("steps_executed").asInt()).sum();
    assertThat(executed).isEqualTo(7 + 8 + 5 + 202 + 4 + 3);
    assertThat(here.ran().size() + there.ran().size()).isEqualTo(executed);
    assertThat(engine.database().number("SELECT max(attempts) FROM tasker.workflow_steps")).isEqualTo(1);
  }

  @Test
  void twoProcessesShareTheStepsOfOneTask() {
    CountDownLatch bothAtWork = new CountDownLatch(2);
    Handlers there = new Handlers();
    for (Handlers side : List.of(engine.handlers(), there)) {
      AtomicBoolean first = new AtomicBoolean(true);
      side.on("Both", attempt -> {
        if (first.getAndSet(false)) {
          bothAtWork.countDown();
        }
        assertThat(bothAtWork.await(Await.SECONDS, TimeUnit.SECONDS)).isTrue();
        return Json.EMPTY_OBJECT;
      });
    }
    Coordinator other = engine.otherProcess("other", there, WATCHFUL);
    Workflow wide = Workflow.named("wide");
    IntStream.range(0, 60).forEach(i -> wide.stepWith("s" + i, "\"handler\": \"Both\""));
    long taskId = engine.task(wide);

    try (Engine.Background ours = engine.inBackground(taskId);
        Engine.Background theirs = Engine.inBackground(other, there, taskId, null)) {
      assertThat(ours.outcome().get("status").asString()).isEqualTo("complete");
      assertThat(theirs.outcome().get("status").asString()).isEqualTo("complete");
    }

    assertThat(Stream.concat(engine.handlers().ran().stream(), there.ran().stream()))
        .hasSize(60).doesNotHaveDuplicates();
  }

  @Test
  void aStepWhoseLeaseLapsedRunsElsewhereAndTheCrashIsNotAFailedAttempt() {
    watch();
    Gate gate = Gate.deaf("{\"by\": \"the dead\"}");
    Handlers theirs = new Handlers().on("a", gate);
    Coordinator dead = engine.otherProcess("dead", theirs, DROWSY);
    List<String> seen = new CopyOnWriteArrayList<>();
    engine.handlers().on("a", attempt -> {
      seen.add("attempt " + attempt.attempt() + (attempt.isLast() ? ", the last" : ""));
      return Json.of("{\"by\": \"us\"}");
    });
    long taskId = engine.task(Workflow.named("w").attempts(1).step("a"));
    try (Engine.Background theirRun = Engine.inBackground(dead, theirs, taskId, null)) {
      gate.awaitEntered();

      letLeasesLapse();
      JsonNode outcome = engine.run(taskId);

      assertThat(outcome.get("status").asString()).isEqualTo("complete");
      assertThat(seen).containsExactly("attempt 2, the last");
      assertThat(engine.history(taskId, "a"))
          .containsExactly("in_progress", "enqueued(lease_lapsed)", "in_progress", "complete");
      gate.openAndAwaitLeft();
      theirs.awaitIdle();
      theirRun.outcome();
    }
    assertThat(engine.step(taskId, "a").get("result").get("by").asString()).isEqualTo("us");
    assertThat(engine.database().value("SELECT attempts || ' ' || crashes FROM tasker.workflow_steps WHERE name = 'a'"))
        .isEqualTo("2 1");
  }

  @Test
  void whileTheNewHolderRunsTheResultOfTheOldOneIsRefusedByItsFence() {
    watch();
    Gate old = Gate.deaf("{\"by\": \"the dead\"}");
    Gate fresh = Gate.closed(attempt -> Json.of("{\"by\": \"us\"}"));
    Handlers theirs = new Handlers().on("a", old);
    Coordinator dead = engine.otherProcess("dead", theirs, DROWSY);
    engine.handlers().on("a", fresh).succeed("b");
    long taskId = engine.task(Workflow.named("w").step("a").step("b", "a"));
    try (Engine.Background theirRun = Engine.inBackground(dead, theirs, taskId, null)) {
      old.awaitEntered();
      letLeasesLapse();
      try (Engine.Background ourRun = engine.inBackground(taskId)) {
        fresh.awaitEntered();

        old.openAndAwaitLeft();
        Await.until("the late result was dealt with", () -> dead.runtime().inFlight().ofTask(taskId).isEmpty());

        assertThat(engine.state(taskId, "a")).isEqualTo("in_progress");
        assertThat(engine.state(taskId, "b")).isEqualTo("pending");
        fresh.open();
        assertThat(ourRun.outcome().get("status").asString()).isEqualTo("complete");
      }
      theirRun.outcome();
    }
    assertThat(engine.step(taskId, "a").get("result").get("by").asString()).isEqualTo("us");
  }

  @Test
  void aChildReadsTheAcceptedResultEvenInTheProcessWhoseOwnWasRefused() {
    watch();
    Gate old = Gate.deaf("{\"by\": \"the dead\"}");
    Handlers theirs = new Handlers().on("a", old).on("b", attempt -> attempt.parentResults().get("a"));
    Coordinator dead = engine.otherProcess("dead", theirs, DROWSY);
    engine.handlers().on("a", attempt -> Json.of("{\"by\": \"us\"}"));
    long taskId = engine.task(Workflow.named("w").step("a").step("b", "a"));
    try (Engine.Background theirRun = Engine.inBackground(dead, theirs, taskId, null)) {
      old.awaitEntered();
      letLeasesLapse();
      engine.run(taskId);
      engine.awaitState(taskId, "a", "complete");

      old.openAndAwaitLeft();

      assertThat(theirRun.outcome().get("status").asString()).isEqualTo("complete");
    }
    assertThat(theirs.ran()).containsExactly("a#1", "b#1");
    assertThat(engine.step(taskId, "b").get("result").get("by").asString()).isEqualTo("us");
  }

  @Test
  void crashesAndFailuresAreCountedApart() {
    watch();
    Gate gate = Gate.closed();
    Handlers theirs = new Handlers().on("a", gate);
    Coordinator dead = engine.otherProcess("dead", theirs, DROWSY);
    engine.handlers().on("a", attempt -> {
      throw Failed.transiently("busy");
    });
    long taskId = engine.task(Workflow.named("w").attempts(2).step("a"));
    try (Engine.Background theirRun = Engine.inBackground(dead, theirs, taskId, null)) {
      gate.awaitEntered();
      letLeasesLapse();

      JsonNode outcome = engine.run(taskId);

      assertThat(outcome.get("status").asString()).isEqualTo("error");
      assertThat(outcome.get("steps_executed").asInt()).isEqualTo(2);
      gate.open();
      assertThat(theirRun.outcome().get("steps_executed").asInt()).isEqualTo(1);
    }
    assertThat(engine.database().value("SELECT attempts || ' ' || crashes FROM tasker.workflow_steps WHERE name = 'a'"))
        .isEqualTo("3 1");
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void soManyCrashesEndTheStepInError(boolean inTheTemplate) {
    engine.restart(Map.of("lease_ms", 300, "max_crashes", inTheTemplate ? 5 : 2));
    watch();
    long taskId = engine.task(Workflow.named("w").stepWith("a", inTheTemplate ? "\"max_crashes\": 2" : "").step("b", "a"));

    for (int crash = 1; crash <= 2; crash++) {
      Gate gate = Gate.closed();
      Handlers theirs = new Handlers().on("a", gate);
      Coordinator dead = engine.otherProcess("dead" + crash, theirs, DROWSY);
      try (Engine.Background theirRun = Engine.inBackground(dead, theirs, taskId, null)) {
        gate.awaitEntered();
        letLeasesLapse();
        engine.awaitState(taskId, "a", crash == 1 ? "enqueued" : "error");
        theirRun.end();
        gate.open();
      }
    }

    assertThat(engine.history(taskId, "a"))
        .containsExactly("in_progress", "enqueued(lease_lapsed)", "in_progress", "error(crash_limit)");
    JsonNode error = engine.step(taskId, "a").get("error");
    assertThat(error.get("error_code").asString()).isEqualTo("crash_limit");
    assertThat(error.get("retryable").asBoolean()).isFalse();
    assertThat(engine.status(taskId)).isEqualTo("error");
    assertThat(engine.state(taskId, "b")).isEqualTo("pending");
  }

  /** Seen from the leases, they go an hour back: all have lapsed at once. */
  @Test
  void whereTheServersClockJumpsForwardNobodyIsTakenForDeadWhoLives() {
    watch();
    Gate gate = Gate.closed();
    Handlers theirs = new Handlers().on("a", gate);
    Coordinator other = engine.otherProcess("other", theirs, WATCHFUL);
    long taskId = engine.task(Workflow.named("w").step("a"));
    try (Engine.Background run = Engine.inBackground(other, theirs, taskId, null)) {
      gate.awaitEntered();
      String living = "SELECT count(*) FROM tasker.processes WHERE lease_until > now() AND dead_at IS NULL";

      engine.database().execute("UPDATE tasker.processes SET lease_until = lease_until - interval '1 hour'");

      Await.until("both have renewed", () -> engine.database().number(living) == 2);
      gate.open();
      assertThat(run.outcome().get("status").asString()).isEqualTo("complete");
    }
    assertThat(engine.history(taskId, "a")).containsExactly("in_progress", "complete");
  }

  @Test
  void whereItJumpsBackTheDeadAreFoundAllTheSame() {
    watch();
    try (Lost lost = new Lost()) {
      engine.handlers().succeed("a");

      engine.database().execute("UPDATE tasker.processes SET lease_until = lease_until + interval '3 hours'");

      assertThat(engine.run(lost.taskId).get("status").asString()).isEqualTo("complete");
      assertThat(engine.history(lost.taskId, "a"))
          .containsExactly("in_progress", "enqueued(lease_lapsed)", "in_progress", "complete");
    }
  }

  /** A process with one place has begun one of two steps when it dies: which of them, nobody can tell. */
  @Test
  void aDeathCountsForNoStepThatItsProcessMayNotHaveBegun() {
    watch();
    Gate gate = Gate.closed();
    Handlers theirs = new Handlers().on("a", gate);
    Coordinator crowded = engine.otherProcess("crowded", theirs, with(DROWSY, "max_parallel_steps", 1));
    long taskId = engine.task(Workflow.named("w").step("a").stepWith("b", "\"handler\": \"a\""));
    try (Engine.Background theirRun = Engine.inBackground(crowded, theirs, taskId, null)) {
      gate.awaitEntered();
      engine.awaitState(taskId, "b", "in_progress");

      letLeasesLapse();

      engine.awaitState(taskId, "a", "enqueued");
      engine.awaitState(taskId, "b", "enqueued");
      theirRun.end();
      gate.open();
    }
    assertThat(engine.history(taskId, "a")).containsExactly("in_progress", "enqueued(process_died)");
    assertThat(engine.database().column(
        "SELECT DISTINCT attempts || ' ' || crashes || ' ' || suspect FROM tasker.workflow_steps WHERE task_id = " + taskId))
        .containsExactly("0 0 true");

    engine.handlers().succeed("a");
    assertThat(engine.run(taskId).get("status").asString()).isEqualTo("complete");
    assertThat(engine.history(taskId, "b")).containsExactly("in_progress", "enqueued(process_died)", "in_progress", "complete");
  }

  @Test
  void theNextDeathCountsForWhatWasSuspectAlreadyAndIsBegunByItself() {
    watch();
    long taskId = engine.task(Workflow.named("w").step("a").stepWith("b", "\"handler\": \"a\""));
    for (int death = 1; death <= 2; death++) {
      Gate gate = Gate.closed();
      Handlers theirs = new Handlers().on("a", gate);
      Coordinator crowded = engine.otherProcess("crowded" + death, theirs, with(DROWSY, "max_parallel_steps", 1));
      try (Engine.Background theirRun = Engine.inBackground(crowded, theirs, taskId, null)) {
        gate.awaitEntered();
        if (death == 1) {
          engine.awaitState(taskId, "b", "in_progress");
        } else {
          assertThat(engine.state(taskId, "b")).as("a suspect is claimed for a place that is free").isEqualTo("enqueued");
        }
        letLeasesLapse();
        engine.awaitState(taskId, "a", "enqueued");
        theirRun.end();
        gate.open();
      }
    }

    assertThat(engine.history(taskId, "a"))
        .containsExactly("in_progress", "enqueued(process_died)", "in_progress", "enqueued(lease_lapsed)");
    assertThat(engine.history(taskId, "b")).containsExactly("in_progress", "enqueued(process_died)");
  }

  @Test
  void aWorkerRunsWhatIsSuspectBesideABacklog() {
    engine.handlers().succeed("a");
    long taskId = engine.task(Workflow.named("w").step("a"));
    engine.database().execute("UPDATE tasker.workflow_steps SET suspect = true");
    engine.database().execute("UPDATE tasker.step_queue SET apart = true, priority = -5");
    engine.register(Workflow.named("many").step("a"));
    IntStream.range(0, 300).forEach(i -> engine.initialize("{\"task_name\": \"many\"}"));

    try (RunningWorker worker = RunningWorker.start(engine.coordinator(), engine.handlers())) {
      assertThat(worker.worker().isRunning()).isTrue();
      Await.until("it has run", () -> engine.status(taskId).equals("complete"));
      Await.until("all have run", () -> engine.database().number("SELECT count(*) FROM tasker.tasks WHERE state <> 'complete'") == 0);
    }
    assertThat(engine.database().number("SELECT count(*) FROM tasker.workflow_steps WHERE suspect")).isZero();
  }

  private static Map<String, Object> with(Map<String, Object> settings, String key, Object value) {
    Map<String, Object> more = new HashMap<>(settings);
    more.put(key, value);
    return more;
  }

  @Test
  void theCrashLimitFailsFastToo() {
    watch();
    Gate gate = Gate.closed();
    Handlers theirs = new Handlers().on("a", gate);
    Coordinator dead = engine.otherProcess("dead", theirs, DROWSY);
    long taskId = engine.task(Workflow.named("w").failFast().stepWith("a", "\"max_crashes\": 1").step("b").step("c", "a"));
    try (Engine.Background theirRun = Engine.inBackground(dead, theirs, taskId, null)) {
      gate.awaitEntered();

      letLeasesLapse();
      engine.awaitState(taskId, "a", "error");
      gate.open();

      assertThat(theirRun.outcome().get("status").asString()).isEqualTo("error");
    }
    assertThat(engine.state(taskId, "a")).isEqualTo("error");
    assertThat(engine.state(taskId, "b")).isEqualTo("cancelled");
    assertThat(engine.state(taskId, "c")).isEqualTo("cancelled");
  }

  @Test
  void aLiveProcessKeepsItsClaimsForLongerThanOneLease() {
    Gate gate = Gate.closed();
    engine.handlers().on("a", gate);
    Handlers theirs = new Handlers().succeed("watch");
    Coordinator other = engine.otherProcess("other", theirs, WATCHFUL);
    Engine.run(other, theirs, engine.task(Workflow.named("watch").step("watch")), null);
    long taskId = engine.task(Workflow.named("w").step("a"));
    try (Engine.Background run = engine.inBackground(taskId)) {
      gate.awaitEntered();
      String lease = "SELECT extract(epoch FROM lease_until)::text FROM tasker.processes WHERE process_id = " + process(taskId, "a");
      String first = engine.database().value(lease);

      Await.until("several renewals", () ->
          Double.parseDouble(engine.database().value(lease)) > Double.parseDouble(first) + 1);

      assertThat(engine.state(taskId, "a")).isEqualTo("in_progress");
      gate.open();
      assertThat(run.outcome().get("status").asString()).isEqualTo("complete");
    }
    assertThat(engine.step(taskId, "a").get("attempts").asInt()).isEqualTo(1);
  }

  @Test
  void aProcessThatWasTakenForDeadLosesItsClaimsAndStartsAnew() {
    Gate gate = Gate.closed();
    engine.handlers().on("a", attempt -> attempt.attempt() == 1 ? gate.call(attempt) : Json.of("{\"by\": 2}"));
    long taskId = engine.task(Workflow.named("w").step("a"));
    try (Engine.Background run = engine.inBackground(taskId)) {
      gate.awaitEntered();
      String before = process(taskId, "a");

      engine.database().execute("UPDATE tasker.processes SET dead_at = now()");

      gate.awaitInterrupted();
      assertThat(gate.attempt().cancelled()).isTrue();
      assertThat(run.outcome().get("status").asString()).isEqualTo("complete");
      assertThat(engine.database().value("SELECT process_id FROM tasker.processes WHERE dead_at IS NULL")).isNotEqualTo(before);
    }
    assertThat(engine.history(taskId, "a"))
        .containsExactly("in_progress", "enqueued(lease_lapsed)", "in_progress", "complete");
  }

  /** For a reaper whose rounds the test makes. */
  private ProcessLease registered(CoreRuntime runtime) {
    ProcessLease lease = lease(runtime, 20_000);
    Await.until("the server is up for a lease, before which nobody is taken for dead", () -> engine.database().number(
        "SELECT (now() > pg_postmaster_start_time() + interval '20 s')::integer") == 1);
    lease.register();
    return lease;
  }

  private ProcessLease lease(CoreRuntime runtime, int leaseMs) {
    return new ProcessLease(
        Connections.kept(engine.coordinator().config(), new CurrentMode(ConnectionMode.DIRECT), Database.Watch.NOBODY, Sessions.UNWATCHED),
        runtime.inFlight(), new ListedTasks(Set::of, () -> false), () -> new Abilities(Set.of(), 1), () -> {}, leaseMs);
  }

  @Test
  void theLockedRowOfOneWhoHasLongBeenDeadHoldsUpNoReaper() throws SQLException {
    CoreRuntime runtime = engine.coordinator().runtime();
    Reaper reaper = runtime.reaper(registered(runtime));
    engine.database().execute("""
        INSERT INTO tasker.processes (process_id, host, pid, lease_until, handlers, dead_at) OVERRIDING SYSTEM VALUE
        VALUES (7, 'gone', 1, now() - interval '1 hour', '{}', now() - interval '1 hour'),
          (8, 'gone', 1, now() - interval '1 hour', '{}', now() - interval '1 hour')""");
    try (Connection connection = engine.database().dataSource().getConnection(); Statement statement = connection.createStatement()) {
      connection.setAutoCommit(false);
      statement.execute("SELECT 1 FROM tasker.processes WHERE process_id = 7 FOR UPDATE");

      reaper.round();

      assertThat(engine.database().column("SELECT process_id FROM tasker.processes WHERE dead_at IS NOT NULL")).containsExactly("7");
      connection.rollback();
    }
  }

  /** What looks for claims on the pool's connections waits for them; the lease does not. */
  @Test
  void theLeaseIsRenewedWhileALookForClaimsWaitsForAConnection() {
    CoreRuntime runtime = engine.coordinator().runtime();
    CountDownLatch free = new CountDownLatch(1);
    CountDownLatch waits = new CountDownLatch(1);
    UnconfirmedClaims unconfirmed = new UnconfirmedClaims(new Database(new WaitingDataSource(waits, free)), runtime.inFlight(), runtime::giveBack);
    ProcessLease lease = lease(runtime, 600);
    Housekeeping housekeeping = new Housekeeping(
        lease, runtime.reaper(lease), runtime.sweeper(runtime::processId, orphaned -> {}, ours -> {}), unconfirmed, () -> false, 3_600_000);
    unconfirmed.suspect();
    try {
      long id = housekeeping.processId();
      Await.until("the look waits", () -> waits.getCount() == 0);
      for (int renewals = 0; renewals < 3; renewals++) {
        String until = leaseUntil(id);
        Await.until("the lease is renewed", () -> !leaseUntil(id).equals(until));
      }
    } finally {
      free.countDown();
      housekeeping.close(Deadline.in(5_000L));
    }
  }

  private String leaseUntil(long processId) {
    return engine.database().value("SELECT lease_until FROM tasker.processes WHERE process_id = " + processId);
  }

  /** As a pool that has no connection to give until the test says so. */
  private static final class WaitingDataSource extends org.postgresql.ds.PGSimpleDataSource {
    private static final long serialVersionUID = 1L;
    private final transient CountDownLatch waits;
    private final transient CountDownLatch free;

    WaitingDataSource(CountDownLatch waits, CountDownLatch free) {
      this.waits = waits;
      this.free = free;
    }

    @Override
    public Connection getConnection() throws SQLException {
      waits.countDown();
      try {
        free.await();
      } catch (InterruptedException interrupted) {
        Thread.currentThread().interrupt();
      }
      throw new SQLException("none to be had", "08001");
    }
  }

  /** The process is known as dead by then, so that no lease tells of its steps any more. */
  @Test
  void whatAReaperCouldNotTakeAtFirstItTakesInTheNextRound() {
    CoreRuntime runtime = engine.coordinator().runtime();
    ProcessLease lease = registered(runtime);
    Reaper reaper = runtime.reaper(lease);
    reaper.round();
    try (Lost lost = new Lost()) {
      letLeasesLapse();
      engine.database().execute("ALTER FUNCTION tasker.crash(bigint, bigint[], boolean[], text[]) RENAME TO crash_is_away");
      try {
        assertThatThrownBy(reaper::round).isInstanceOf(TaskerException.Database.class);
      } finally {
        engine.database().execute("ALTER FUNCTION tasker.crash_is_away(bigint, bigint[], boolean[], text[]) RENAME TO crash");
      }

      reaper.round();

      assertThat(engine.history(lost.taskId, "a")).containsExactly("in_progress", "enqueued(lease_lapsed)");
    } finally {
      lease.end(false, true);
    }
  }

  @Test
  void whatWasReportedToAReaperIsLookedForAgainIfItsLookFails() {
    CoreRuntime runtime = engine.coordinator().runtime();
    ProcessLease lease = registered(runtime);
    Reaper reaper = runtime.reaper(lease);
    reaper.round();
    try (Lost lost = new Lost()) {
      engine.database().execute("TRUNCATE tasker.process_tasks");
      engine.database().execute("UPDATE tasker.processes SET dead_at = now() WHERE process_id = " + process(lost.taskId, "a"));
      reaper.report(Set.of(lost.taskId));
      engine.database().execute("""
          CREATE FUNCTION tasker.fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'injected'; END $$;
          CREATE TRIGGER fail BEFORE DELETE ON tasker.processes FOR EACH STATEMENT EXECUTE FUNCTION tasker.fail()""");
      assertThatThrownBy(reaper::round).isInstanceOf(TaskerException.Database.class);
      engine.database().execute("DROP FUNCTION tasker.fail CASCADE");

      reaper.round();

      assertThat(engine.history(lost.taskId, "a")).containsExactly("in_progress", "enqueued(lease_lapsed)");
    } finally {
      lease.end(false, true);
    }
  }

  @Test
  void aProcessWhoseRowIsLostRegistersAgainAndKeepsItsClaims() {
    watch();
    Handlers theirs = new Handlers().succeed("watch");
    Coordinator other = engine.otherProcess("other", theirs, WATCHFUL);
    Engine.run(other, theirs, engine.task(Workflow.named("watch").step("watch")), null);
    Gate gate = Gate.closed();
    engine.handlers().on("a", gate);
    long taskId = engine.task(Workflow.named("w").step("a"));
    try (Engine.Background run = engine.inBackground(taskId)) {
      gate.awaitEntered();
      String ours = process(taskId, "a");

      engine.database().execute("DELETE FROM tasker.processes");
      Await.until("both processes are registered again", () ->
          engine.database().number("SELECT count(*) FROM tasker.processes") == 2);
      // Both reapers have looked at it meanwhile.
      String lease = "SELECT extract(epoch FROM lease_until)::text FROM tasker.processes WHERE process_id = " + ours;
      String first = engine.database().value(lease);
      Await.until("several renewals", () ->
          Double.parseDouble(engine.database().value(lease)) > Double.parseDouble(first) + 1);

      assertThat(gate.interrupted()).isZero();
      gate.open();
      assertThat(run.outcome().get("status").asString()).isEqualTo("complete");
    }
    assertThat(engine.history(taskId, "a")).containsExactly("in_progress", "complete");
  }

  @Test
  void stepsOfAProcessThatHasNoRowAndNeverComesBackRunElsewhere() {
    try (Lost lost = new Lost()) {
      engine.database().execute("DELETE FROM tasker.processes");
      engine.handlers().succeed("a");

      watch();

      assertThat(engine.run(lost.taskId).get("status").asString()).isEqualTo("complete");
      assertThat(engine.history(lost.taskId, "a"))
          .containsExactly("in_progress", "enqueued(process_died)", "in_progress", "complete");
    }
  }

  /** Were somebody to empty the lists, say. */
  @Test
  void whatNoListOfADeadProcessTellsOfIsFoundByTheSweeper() {
    engine.restart(Map.of("lease_ms", 300, "sweep_interval_ms", 1_000));
    watch();
    try (Lost lost = new Lost()) {
      engine.handlers().succeed("a");
      engine.database().execute("TRUNCATE tasker.process_tasks");
      letLeasesLapse();

      assertThat(engine.run(lost.taskId).get("status").asString()).isEqualTo("complete");

      assertThat(engine.history(lost.taskId, "a"))
          .containsExactly("in_progress", "enqueued(lease_lapsed)", "in_progress", "complete");
    }
  }

  @Test
  void theListOfAProcessIsShortAndTellsOfAllThatItHolds() {
    engine.handlers().succeed("quick");
    IntStream.range(0, 20).forEach(i -> engine.run(engine.task(Workflow.named("quick").step("quick"))));
    Gate gate = Gate.closed();
    engine.handlers().succeed("a").on("b", gate);
    long taskId = engine.task(Workflow.named("w").step("a").step("b", "a"));
    try (Engine.Background run = engine.inBackground(taskId)) {
      gate.awaitEntered();

      Await.until("one row tells of the one task", () ->
          engine.database().column("SELECT task_ids::text FROM tasker.process_tasks").equals(List.of("{" + taskId + "}")));

      gate.open();
      assertThat(run.outcome().get("status").asString()).isEqualTo("complete");
    }
    Await.until("nothing is held", () -> engine.database().number("SELECT count(*) FROM tasker.process_tasks") == 0);
  }

  @Test
  void closingGivesBackWhatHasNotBegunAndRecordsWhatEndsInTime() {
    Gate gate = Gate.closed();
    Handlers theirs = new Handlers().on("Gate", gate);
    Coordinator closing = engine.otherProcess("closing", theirs, Map.of("max_parallel_steps", 1));
    long taskId = engine.task(Workflow.named("w")
        .stepWith("a", "\"handler\": \"Gate\"").stepWith("b", "\"handler\": \"Gate\""));
    Engine.Background run = Engine.inBackground(closing, theirs, taskId, null);
    gate.awaitEntered();
    engine.awaitState(taskId, "b", "in_progress");

    Thread close = new Thread(closing::close);
    close.start();
    engine.awaitState(taskId, "b", "enqueued");
    assertThat(close.isAlive()).isTrue();
    gate.open();
    Await.until("closed", () -> !close.isAlive());

    assertThat(run.outcome().get("status").asString()).isEqualTo("in_progress");
    assertThat(engine.state(taskId, "a")).isEqualTo("complete");
    assertThat(engine.step(taskId, "b").get("attempts").asInt()).isZero();
    assertThat(engine.history(taskId, "b")).containsExactly("in_progress", "enqueued(given_back)");
    assertThat(engine.database().number("SELECT count(*) FROM tasker.processes")).isZero();
  }

  @Test
  void closingInterruptsWhatDoesNotEndInTimeAndTheStepRunsElsewhereAtOnce() {
    Gate gate = Gate.closed();
    Handlers theirs = new Handlers().on("a", gate);
    Coordinator closing = engine.otherProcess("closing", theirs, Map.of("shutdown_timeout_ms", 100));
    engine.handlers().succeed("a");
    long taskId = engine.task(Workflow.named("w").step("a"));
    try (Engine.Background run = Engine.inBackground(closing, theirs, taskId, null)) {
      gate.awaitEntered();

      closing.close();

      assertThat(run.outcome().get("status").asString()).isEqualTo("in_progress");
    }
    gate.awaitInterrupted();
    assertThat(engine.history(taskId, "a")).containsExactly("in_progress", "enqueued(interrupted)");
    assertThat(engine.run(taskId).get("status").asString()).isEqualTo("complete");
    assertThat(engine.step(taskId, "a").get("attempts").asInt()).isEqualTo(2);
  }

  @Test
  void aStepWhoseHandlerIsMissingStaysEnqueuedUntilItAppears() {
    engine.handlers().succeed("a");
    long taskId = engine.task(Workflow.named("w").step("a").step("b", "a"));

    JsonNode first = engine.run(taskId);
    engine.handlers().succeed("b");
    JsonNode second = engine.run(taskId);

    assertThat(first.get("status").asString()).isEqualTo("in_progress");
    assertThat(first.get("execution_status").asString()).isEqualTo("has_ready_steps");
    assertThat(first.get("steps_executed").asInt()).isEqualTo(1);
    assertThat(second.get("status").asString()).isEqualTo("complete");
    assertThat(engine.step(taskId, "b").get("attempts").asInt()).isEqualTo(1);
    assertThat(engine.history(taskId, "b")).containsExactly("enqueued", "in_progress", "complete");
  }

  @Test
  void aRunThatOtherStepsKeepGoingPicksUpAHandlerThatAppears() {
    engine.restart(Map.of("poll_interval_ms", 20));
    Gate gate = Gate.closed();
    engine.handlers().on("slow", gate);
    long taskId = engine.task(Workflow.named("w").step("slow").step("late"));
    try (Engine.Background run = engine.inBackground(taskId)) {
      gate.awaitEntered();

      engine.handlers().succeed("late");

      engine.awaitState(taskId, "late", "complete");
      gate.open();
      assertThat(run.outcome().get("status").asString()).isEqualTo("complete");
    }
  }

  @Test
  void twoProcessesWithDifferentHandlersFinishATaskTogether() {
    Handlers theirs = new Handlers();
    Coordinator other = engine.otherProcess("other", theirs, Map.of("lease_ms", 300, "poll_interval_ms", 50));
    Workflow workflow = Workflow.named("w").step("s0");
    IntStream.range(1, 10).forEach(i -> workflow.step("s" + i, "s" + (i - 1)));
    IntStream.range(0, 10).forEach(i -> (i % 2 == 0 ? engine.handlers() : theirs).succeed("s" + i));
    long taskId = engine.task(workflow);

    while (!engine.status(taskId).equals("complete")) {
      engine.run(taskId);
      Engine.run(other, theirs, taskId, null);
    }

    assertThat(engine.handlers().ran()).containsExactly("s0#1", "s2#1", "s4#1", "s6#1", "s8#1");
    assertThat(theirs.ran()).containsExactly("s1#1", "s3#1", "s5#1", "s7#1", "s9#1");
  }

  @Test
  void aTaskWhoseProcessWasKilledIsFinishedHereWithoutRunningCompletedStepsAgain() throws IOException, InterruptedException {
    List<String> steps = IntStream.range(0, 8).mapToObj(i -> "s" + i).toList();
    Workflow workflow = Workflow.named("w").step("s0");
    steps.stream().skip(1).forEach(step -> workflow.step(step, steps.get(steps.indexOf(step) - 1)));
    steps.forEach(step -> engine.handlers().on(step, attempt -> Json.of("{\"by\": \"us\"}")));
    long taskId = engine.task(workflow);
    Process doomed = DoomedProcess.start(engine.database().url(), taskId, "s4", steps);

    doomed.destroyForcibly();
    assertThat(doomed.waitFor(Await.SECONDS, TimeUnit.SECONDS)).isTrue();
    JsonNode outcome = engine.run(taskId);

    assertThat(outcome.get("status").asString()).isEqualTo("complete");
    assertThat(outcome.get("duration_ms").asDouble()).isLessThan(10_000);
    assertThat(engine.handlers().ran()).containsExactly("s4#2", "s5#1", "s6#1", "s7#1");
    assertThat(new HashSet<>(engine.database().column("SELECT result->>'by' FROM tasker.workflow_steps WHERE name < 's4'")))
        .containsExactly("doomed");
    assertThat(engine.history(taskId, "s4"))
        .containsExactly("in_progress", "enqueued(lease_lapsed)", "in_progress", "complete");
  }
}
