package io.taskercore.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import io.taskercore.model.ClaimedStep;
import io.taskercore.model.Json;
import io.taskercore.model.StepOutcome;
import io.taskercore.model.StepState;
import io.taskercore.model.TaskState;
import io.taskercore.model.Transition;
import io.taskercore.store.Changes.Ended;
import io.taskercore.store.StepClaims.Apart;
import io.taskercore.store.StepClaims.Claims;
import io.taskercore.store.StepClaims.QueueForecast;
import io.taskercore.store.Transitions.Crash;
import io.taskercore.testing.Await;
import io.taskercore.testing.Engine;
import io.taskercore.testing.Workflow;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Claims and records, one statement at a time and two at a time. */
class StepStoreTest {

  /** There is no such process, and nobody who would notice. */
  private static final Claimant PROCESS = new Claimant(1, 1);

  @RegisterExtension
  final Engine engine = Engine.start();

  private final StepClaims claims = new StepClaims();
  private final Transitions transitions = new Transitions();
  private final StepStore steps = new StepStore();
  private final Database database = new Database(engine.database().dataSource());

  private List<ClaimedStep> claim(long taskId, int limit, String... handlers) {
    return database.call(connection -> claims.claimOfTask(connection, PROCESS, taskId, Set.of(handlers), Apart.NONE, limit)).steps();
  }

  private Changes record(StepOutcome... some) {
    return database.call(connection -> record(connection, Set.of(), some));
  }

  private Changes record(Connection connection, Collection<Long> wanted, StepOutcome... some) throws SQLException {
    return transitions.record(connection, PROCESS, List.of(some), wanted, false);
  }

  private static List<Long> enqueued(Changes changes) {
    return changes.transitions().stream().filter(change -> change.isTo(StepState.ENQUEUED)).map(Transition::stepId).toList();
  }

  private static StepOutcome success(ClaimedStep step) {
    return success(step, step.fence());
  }

  private static StepOutcome success(ClaimedStep step, long fence) {
    return new StepOutcome(step.stepId(), fence, StepState.COMPLETE, Json.of("{\"fence\": " + fence + "}"), null, null, null);
  }

  private Connection transaction() throws SQLException {
    Connection connection = engine.database().dataSource().getConnection();
    connection.setAutoCommit(false);
    return connection;
  }

  private void awaitSomebodyWaitsForALock() {
    Await.until("somebody waits for a lock", () -> engine.database().number(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'") > 0);
  }

  private static List<String> names(List<ClaimedStep> claimed) {
    return claimed.stream().map(ClaimedStep::name).toList();
  }

  @Test
  void aClaimTakesOnlyWhatMayRunAndWhoseHandlerIsAtHandUpToItsLimit() {
    long taskId = engine.task(Workflow.named("w").step("a").step("b").step("c").step("d", "a").step("e"));
    engine.database().execute("UPDATE tasker.step_queue SET run_at = now() + interval '1 hour' WHERE handler = 'b'");

    List<ClaimedStep> first = claim(taskId, 1, "a", "b", "c", "d");
    List<ClaimedStep> rest = claim(taskId, 10, "a", "b", "c", "d");

    assertThat(names(first)).containsExactly("a");
    assertThat(names(rest)).containsExactly("c");
    assertThat(first.get(0).attempt()).isEqualTo(1);
    assertThat(first.get(0).fence()).isEqualTo(1);
    assertThat(engine.state(taskId, "e")).isEqualTo("enqueued");
  }

  /** An older build knows of the last chance, and nothing of what is claimed apart. */
  @Test
  void whatAnOlderBuildHasQueuedOnItsLastChanceIsClaimedLikeOthers() {
    long taskId = engine.task(Workflow.named("w").step("a"));
    engine.database().execute("UPDATE tasker.step_queue SET last_chance = true");

    Claims claims = database.call(
        connection -> this.claims.claimReady(connection, PROCESS, List.of("a"), List.of(), Apart.NONE, 10, 20, false));

    assertThat(names(claims.steps())).containsExactly("a");
    assertThat(engine.state(taskId, "a")).isEqualTo("in_progress");
  }

  @Test
  void metadataIsStoredOfThoseOutcomesThatAreAccepted() throws SQLException {
    long taskId = engine.task(Workflow.named("w").step("a").step("b").step("c").step("d", "a"));
    List<ClaimedStep> steps = claim(taskId, 10, "a", "b", "c");
    try (Connection connection = engine.database().dataSource().getConnection()) {
      record(connection, Set.of(), noted(steps.get(0), 0), success(steps.get(1)), noted(steps.get(2), 1));
    }

    assertThat(engine.database().column("SELECT concat_ws(' ', name, state, metadata) FROM tasker.workflow_steps ORDER BY step_id"))
        .containsExactly("a complete {\"at\": 0}", "b complete", "c in_progress", "d enqueued");
  }

  private static StepOutcome noted(ClaimedStep step, int behind) {
    return new StepOutcome(
        step.stepId(), step.fence() - behind, StepState.COMPLETE, Json.EMPTY_OBJECT, null, null, null, Json.of("{\"at\": " + behind + "}"));
  }

  @Test
  void whatMayRunSinceLongerIsClaimedFirst() {
    long taskId = engine.task(Workflow.named("w").step("a").step("b").step("c"));
    engine.database().execute("UPDATE tasker.step_queue SET run_at = run_at - interval '1 hour' WHERE handler = 'c'");

    assertThat(names(claim(taskId, 1, "a", "b", "c"))).containsExactly("c");
    assertThat(names(claim(taskId, 1, "a", "b", "c"))).containsExactly("a");
  }

  @Test
  void aClaimTakesNothingOfOtherTasks() {
    Workflow workflow = Workflow.named("w").step("a");
    long one = engine.task(workflow);
    long other = engine.task(workflow);

    claim(one, 10, "a");

    assertThat(engine.state(other, "a")).isEqualTo("enqueued");
    assertThat(engine.status(other)).isEqualTo("pending");
  }

  @Test
  void twoClaimsAtOnceShareTheStepsAndNeitherWaits() throws SQLException {
    long taskId = engine.task(Workflow.named("w").step("a").step("b").step("c").step("d"));
    claim(taskId, 1, "a");
    try (Connection connection = transaction()) {
      List<ClaimedStep> mine = claims.claimOfTask(connection, PROCESS, taskId, Set.of("a", "b", "c", "d"), Apart.NONE, 2).steps();

      List<ClaimedStep> theirs = claim(taskId, 10, "a", "b", "c", "d");

      assertThat(names(mine)).containsExactly("b", "c");
      assertThat(names(theirs)).containsExactly("d");
      connection.commit();
    }
  }

  @Test
  void twoFirstClaimsBeginTheTaskOnce() throws SQLException {
    long taskId = engine.task(Workflow.named("w").step("a").step("b"));
    try (Connection connection = transaction()) {
      claims.claimOfTask(connection, PROCESS, taskId, Set.of("a"), Apart.NONE, 1);

      List<ClaimedStep> tooEarly = claim(taskId, 10, "b");
      connection.commit();
      List<ClaimedStep> later = claim(taskId, 10, "b");

      assertThat(tooEarly).isEmpty();
      assertThat(names(later)).containsExactly("b");
    }
    assertThat(engine.history(taskId)).containsExactly("in_progress");
  }

  @Test
  void aResultUnderAnOldFenceIsRefusedWithoutHarmToTheOthers() {
    long taskId = engine.task(Workflow.named("w").step("a").step("b").step("after_a", "a").step("after_b", "b"));
    List<ClaimedStep> claimed = claim(taskId, 2, "a", "b");
    database.call(connection -> transitions.giveBack(connection, claimed.subList(0, 1), false));
    ClaimedStep again = claim(taskId, 1, "a").get(0);

    Changes recorded = record(success(claimed.get(0)), success(claimed.get(1)));

    assertThat(again.fence()).isEqualTo(2);
    assertThat(again.attempt()).isEqualTo(1);
    assertThat(recorded.accepted()).containsExactly(1);
    assertThat(engine.state(taskId, "a")).isEqualTo("in_progress");
    assertThat(engine.state(taskId, "after_a")).isEqualTo("pending");
    assertThat(engine.state(taskId, "after_b")).isEqualTo("enqueued");
  }

  @Test
  void ofTwoResultsInOneBatchTheOneUnderTheNewestFenceIsAccepted() {
    long taskId = engine.task(Workflow.named("w").step("a"));
    ClaimedStep old = claim(taskId, 1, "a").get(0);
    database.call(connection -> transitions.giveBack(connection, List.of(old), true));
    ClaimedStep fresh = claim(taskId, 1, "a").get(0);

    Changes recorded = record(success(old), success(fresh));

    assertThat(recorded.accepted()).containsExactly(1);
    assertThat(engine.step(taskId, "a").get("result").get("fence").asInt()).isEqualTo(2);
    assertThat(engine.step(taskId, "a").get("attempts").asInt()).isEqualTo(2);
  }

  @Test
  void aResultIsChangesOnce() {
    long taskId = engine.task(Workflow.named("w").step("a").step("b", "a"));
    ClaimedStep step = claim(taskId, 1, "a").get(0);

    Changes first = record(success(step));
    Changes second = record(success(step));

    assertThat(first.accepted()).hasSize(1);
    assertThat(second.accepted()).isEmpty();
    assertThat(enqueued(second)).isEmpty();
  }

  @Test
  void aJoinIsFreedByTheLastOfItsParentsWhicheverBatchThatIsIn() {
    long taskId = engine.task(Workflow.named("w").step("a").step("b").step("c").step("join", "a", "b", "c"));
    List<ClaimedStep> claimed = claim(taskId, 3, "a", "b", "c");
    long join = engine.stepId(taskId, "join");

    Changes first = record(success(claimed.get(0)), success(claimed.get(1)));
    Changes second = record(success(claimed.get(2)));

    assertThat(enqueued(first)).isEmpty();
    assertThat(enqueued(second)).containsExactly(join);
  }

  @Test
  void twoProcessesThatRecordTheTwoParentsOfAJoinAtOnceFreeItOnce() throws Exception {
    long taskId = engine.task(Workflow.named("w").step("a").step("b").step("join", "a", "b"));
    List<ClaimedStep> claimed = claim(taskId, 2, "a", "b");
    long join = engine.stepId(taskId, "join");
    try (Connection connection = transaction()) {
      Changes first = record(connection, Set.of(join), success(claimed.get(0)));
      CompletableFuture<Changes> second =
          CompletableFuture.supplyAsync(() -> database.call(other -> record(other, Set.of(join), success(claimed.get(1)))));
      awaitSomebodyWaitsForALock();
      connection.commit();

      assertThat(first.handedOver()).isEmpty();
      assertThat(names(second.join().handedOver())).containsExactly("join");
    }
    assertThat(engine.state(taskId, "join")).isEqualTo("in_progress");
    assertThat(engine.history(taskId, "join")).containsExactly("in_progress");
  }

  @Test
  void twoProcessesThatRecordTheLastTwoStepsAtOnceEndTheTaskOnce() throws Exception {
    long taskId = engine.task(Workflow.named("w").step("a").step("b"));
    List<ClaimedStep> claimed = claim(taskId, 2, "a", "b");
    try (Connection connection = transaction()) {
      Changes first = record(connection, Set.of(), success(claimed.get(0)));
      CompletableFuture<Changes> second =
          CompletableFuture.supplyAsync(() -> record(success(claimed.get(1))));
      awaitSomebodyWaitsForALock();
      connection.commit();

      assertThat(first.ended()).isEmpty();
      assertThat(second.join().ended())
          .extracting(Ended::taskId, Ended::state).containsExactly(tuple(taskId, TaskState.COMPLETE));
    }
    assertThat(engine.history(taskId)).containsExactly("in_progress", "complete");
  }

  @Test
  void aRecordWaitsForItsTaskBeforeItTouchesTheSteps() throws Exception {
    long taskId = engine.task(Workflow.named("w").step("a"));
    ClaimedStep step = claim(taskId, 1, "a").get(0);
    try (Connection connection = transaction()) {
      new TaskStore().lock(connection, taskId);
      CompletableFuture<Changes> recorded = CompletableFuture.supplyAsync(() -> record(success(step)));
      awaitSomebodyWaitsForALock();

      try (Statement statement = connection.createStatement()) {
        statement.execute("SELECT 1 FROM tasker.workflow_steps FOR UPDATE NOWAIT");
      }

      connection.commit();
      assertThat(recorded.join().accepted()).hasSize(1);
    }
  }

  @Test
  void aClaimThatIsGivenBackWhileItsTaskIsCancelledLeavesNothingInTheQueue() throws Exception {
    long taskId = engine.task(Workflow.named("w").step("a"));
    List<ClaimedStep> claimed = claim(taskId, 1, "a");
    try (Connection connection = transaction()) {
      transitions.giveBack(connection, claimed, false);
      CompletableFuture<Json> cancelled =
          CompletableFuture.supplyAsync(() -> engine.coordinator().operators().cancelTask(taskId, "meanwhile"));
      awaitSomebodyWaitsForALock();
      connection.commit();
      cancelled.join();
    }
    assertThat(engine.state(taskId, "a")).isEqualTo("cancelled");
    assertThat(engine.database().number("SELECT count(*) FROM tasker.step_queue")).isZero();
  }

  @Test
  void aClaimUnderWayWhileItsTaskIsCancelledIsCancelledToo() throws Exception {
    long taskId = engine.task(Workflow.named("w").step("a").step("b"));
    claim(taskId, 1, "a");
    try (Connection connection = transaction()) {
      claims.claimOfTask(connection, PROCESS, taskId, Set.of("b"), Apart.NONE, 1);
      CompletableFuture<Json> cancelled =
          CompletableFuture.supplyAsync(() -> engine.coordinator().operators().cancelTask(taskId, "meanwhile"));
      awaitSomebodyWaitsForALock();
      connection.commit();
      cancelled.join();
    }
    assertThat(engine.history(taskId, "b")).containsExactly("in_progress", "cancelled(meanwhile)");
  }

  @Test
  void aStepThatSomebodyClaimsThisInstantCannotBeResolved() throws Exception {
    long taskId = engine.task(Workflow.named("w").step("a").step("b"));
    claim(taskId, 1, "a");
    long stepId = engine.stepId(taskId, "b");
    try (Connection connection = transaction()) {
      claims.claimOfTask(connection, PROCESS, taskId, Set.of("b"), Apart.NONE, 1);
      CompletableFuture<Json> resolved =
          CompletableFuture.supplyAsync(() -> engine.coordinator().operators().resolveStep(stepId, "meanwhile", null));
      awaitSomebodyWaitsForALock();
      connection.commit();

      assertThat(resolved.handle((answer, failure) -> failure).join()).hasMessageContaining("in_progress");
    }
    assertThat(engine.state(taskId, "b")).isEqualTo("in_progress");
  }

  private List<ClaimedStep> claimReady(int limit, int candidates, String... handlers) {
    return database.call(connection ->
        claims.claimReady(connection, PROCESS, List.of(handlers), List.of(), Apart.NONE, limit, candidates, false)).steps();
  }

  @Test
  void ofAllHandlersThatAreAtHandTheHighestPriorityIsClaimedFirstThenTheOldest() {
    long taskId = engine.task(Workflow.named("w").step("a").step("b").step("c").step("d").step("e"));
    engine.database().execute("""
        UPDATE tasker.step_queue SET run_at = run_at - CASE handler WHEN 'b' THEN interval '2 h' WHEN 'd' THEN interval '1 h'
          WHEN 'e' THEN interval '3 h' ELSE interval '0' END, priority = CASE handler WHEN 'c' THEN 5 ELSE 0 END""");

    assertThat(names(claimReady(3, 6, "a", "b", "c", "d", "nobody"))).containsExactly("c", "b", "d");
    assertThat(names(claimReady(3, 6, "a", "b", "c", "d"))).containsExactly("a");
    assertThat(engine.state(taskId, "e")).isEqualTo("enqueued");
  }

  /** A task under whose steps a and b two processes have died: one more would end them. */
  private long taskWithTwoOnTheirLastChance() {
    long taskId = engine.task(Workflow.named("w").step("a").step("b").step("sound"));
    for (int death = 1; death <= 2; death++) {
      List<Long> held = database.call(connection ->
          claims.claimOfTask(connection, PROCESS, taskId, Set.of("a", "b"), new Apart(5, true), 5)).steps().stream()
          .map(ClaimedStep::stepId).toList();
      database.transaction(connection -> {
        List<Crash> crashes = steps.held(connection, taskId, held, List.of(PROCESS.processId())).stream()
            .map(step -> new Crash(step.stepId(), true, null)).toList();
        return transitions.crash(connection, taskId, crashes);
      });
    }
    return taskId;
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void stepsOnTheirLastChanceAreClaimedOneAtATime(boolean ofOneTask) {
    long taskId = taskWithTwoOnTheirLastChance();
    List<String> all = List.of("a", "b", "sound");
    Function<Boolean, List<ClaimedStep>> claim = lastChance -> database.call(connection -> ofOneTask
        ? claims.claimOfTask(connection, PROCESS, taskId, all, new Apart(5, lastChance), 5)
        : claims.claimReady(connection, PROCESS, all, List.of(), new Apart(5, lastChance), 5, 10, false)).steps();

    assertThat(claim.apply(false)).extracting(ClaimedStep::name, ClaimedStep::lastChance).containsExactly(tuple("sound", false));
    assertThat(claim.apply(false)).isEmpty();
    assertThat(claim.apply(true)).extracting(ClaimedStep::name, ClaimedStep::lastChance).containsExactly(tuple("a", true));
    assertThat(claim.apply(true)).extracting(ClaimedStep::name).containsExactly("b");
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void whatStandsApartIsClaimedAsFarAsPlacesAreHeldForIt(boolean ofOneTask) {
    long taskId = engine.task(Workflow.named("w").stepWith("a", "\"max_crashes\": 1").stepWith("b", "\"max_crashes\": 1")
        .stepWith("c", "\"max_crashes\": 1").step("sound").step("solid"));
    List<String> all = List.of("a", "b", "c", "sound", "solid");
    Function<Integer, List<ClaimedStep>> claim = places -> database.call(connection -> ofOneTask
        ? claims.claimOfTask(connection, PROCESS, taskId, all, new Apart(places, false), 3)
        : claims.claimReady(connection, PROCESS, all, List.of(), new Apart(places, false), 3, 10, false)).steps();

    assertThat(claim.apply(2)).extracting(ClaimedStep::name, ClaimedStep::apart)
        .containsExactly(tuple("a", true), tuple("b", true), tuple("sound", false));
    assertThat(claim.apply(0)).extracting(ClaimedStep::name).containsExactly("solid");
    assertThat(claim.apply(0)).isEmpty();
    assertThat(claim.apply(1)).extracting(ClaimedStep::name).containsExactly("c");
  }

  /** Whether a worker is to hold places free, as its claim says and as its forecast says. */
  private List<Boolean> apartWaits(boolean mayTakeLastChance, List<String> namespaces) {
    Set<String> mine = Set.of("a", "b", "plain");
    engine.task(Workflow.named("plain").step("plain"));
    Claims claimed = database.call(connection ->
        claims.claimReady(connection, PROCESS, mine, namespaces, new Apart(0, mayTakeLastChance), 1, 1, false));
    assertThat(names(claimed.steps())).as("a claim that takes nothing does not tell").containsExactly("plain");
    QueueForecast forecast = database.call(connection -> claims.forecast(connection, mine, namespaces, mayTakeLastChance));
    assertThat(forecast.ready()).as("there is nothing for it in the usual way").isFalse();
    return List.of(claimed.apartWaits(), forecast.apartWaits());
  }

  private static Workflow apart(String handler) {
    return Workflow.named("apart_" + handler).stepWith(handler, "\"max_crashes\": 1");
  }

  @Test
  void whatStandsApartIsWaitedForByWhoMayClaimItNow() {
    List<String> ours = List.of("default");
    engine.task(apart("theirs"));
    assertThat(apartWaits(true, ours)).as("nobody here runs it").containsExactly(false, false);
    engine.task(apart("a").namespace("theirs"));
    assertThat(apartWaits(true, ours)).as("another namespace's").containsExactly(false, false);
    engine.task(apart("b"));
    engine.database().execute("UPDATE tasker.step_queue SET run_at = now() + interval '1 hour' WHERE handler = 'b'");
    assertThat(apartWaits(true, ours)).as("its time has not come").containsExactly(false, false);
    engine.database().execute("UPDATE tasker.step_queue SET run_at = now() WHERE handler = 'b'");
    assertThat(apartWaits(true, ours)).containsExactly(true, true);
  }

  @Test
  void whatIsOnItsLastChanceIsWaitedForByWhoHasNoOther() {
    taskWithTwoOnTheirLastChance();
    assertThat(apartWaits(false, List.of())).containsExactly(false, false);
    assertThat(apartWaits(true, List.of())).containsExactly(true, true);
  }

  @Test
  void whatStandsApartIsNotClaimedWithItsParentsOutcomeEvenIfItIsWanted() {
    for (boolean plain : List.of(true, false)) {
      long taskId = engine.task(Workflow.named("w").step("a").stepWith("b", "\"max_crashes\": 1", "a"));
      ClaimedStep parent = claim(taskId, 1, "a").get(0);

      Changes changes = database.call(connection -> transitions.record(
          connection, PROCESS, List.of(success(parent)), Set.of(ClaimedStep.stepId(taskId, 1)), plain));

      assertThat(changes.handedOver()).isEmpty();
      assertThat(engine.state(taskId, "b")).isEqualTo("enqueued");
    }
  }

  @Test
  void theOneThatIsAskedForMayBeOnItsLastChance() {
    long taskId = taskWithTwoOnTheirLastChance();
    long stepId = ClaimedStep.stepId(taskId, 0);

    assertThat(database.call(connection -> claims.claimStep(connection, PROCESS, stepId, new Apart(1, false))).steps()).isEmpty();
    assertThat(database.call(connection -> claims.claimStep(connection, PROCESS, stepId, new Apart(1, true))).steps()).hasSize(1);
  }

  @Test
  void whatOthersAreAboutToClaimIsPassedOverAsFarAsAClaimLooks() throws SQLException {
    engine.task(Workflow.named("w").step("a").step("b").step("c").step("d"));
    try (Connection other = transaction(); Statement statement = other.createStatement()) {
      statement.execute("SELECT 1 FROM tasker.step_queue WHERE handler IN ('a', 'b') FOR UPDATE");

      assertThat(names(claimReady(2, 2, "a", "b", "c", "d"))).isEmpty();
      assertThat(names(claimReady(2, 8, "a", "b", "c", "d"))).containsExactly("c", "d");
    }
  }
}
