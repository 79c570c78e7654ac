package io.taskercore.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.taskercore.engine.attempt.Attempt;
import io.taskercore.model.ClaimedStep;
import io.taskercore.model.Json;
import io.taskercore.model.StepOutcome;
import io.taskercore.model.StepState;
import io.taskercore.store.Claimant;
import io.taskercore.store.Database;
import io.taskercore.store.StepClaims;
import io.taskercore.store.StepClaims.Apart;
import io.taskercore.store.Transitions;
import io.taskercore.testing.Await;
import io.taskercore.testing.Engine;
import io.taskercore.testing.Gate;
import io.taskercore.testing.Handlers;
import io.taskercore.testing.Workflow;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Outcomes of several coordinators that share a batch, of which not all are accepted. */
class SharedBatchTest {

  /** One recorder, and leases that nobody renews while a test looks. */
  private static final Map<String, Object> SETTINGS = Map.of("database_pool_size", 8, "lease_ms", 60_000);

  private static final Claimant ANOTHER = new Claimant(1_000, 1);

  @RegisterExtension
  final Engine engine = Engine.start(SETTINGS);

  private final Database database = new Database(engine.database().dataSource());

  @Test
  void aChildThatARefusedOutcomeWantedAndAnotherCoordinatorsFreedRuns() throws SQLException {
    Gate blocker = Gate.closed();
    Gate first = Gate.closed();
    Gate second = Gate.closed();
    engine.handlers().on("blocker", blocker).on("first", first).succeed("join");
    Handlers theirs = new Handlers().on("second", second).succeed("join");
    Coordinator other = engine.another(theirs, SETTINGS);
    long blocked = engine.task(Workflow.named("blocked").step("blocker"));
    long taskId = engine.task(Workflow.named("w").step("first").step("second").step("join", "first", "second"));
    try (Engine.Background blocking = engine.inBackground(blocked);
        Engine.Background here = engine.inBackground(taskId);
        Engine.Background there = Engine.inBackground(other, theirs, taskId, null)) {
      blocker.awaitEntered();
      ClaimedStep lost = claimOf(taskId, "first", first.awaitEntered().attempt());
      second.awaitEntered();
      completeElsewhere(lost);

      try (Connection connection = engine.database().dataSource().getConnection();
          Statement statement = connection.createStatement()) {
        connection.setAutoCommit(false);
        statement.execute("SELECT 1 FROM tasker.tasks WHERE task_id = " + blocked + " FOR UPDATE");
        blocker.openAndAwaitLeft();
        Await.until("the recorder waits", () -> engine.database().number(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'") == 1);
        first.openAndAwaitLeft();
        second.openAndAwaitLeft();
        Await.until("both outcomes have arrived", () -> engine.coordinator().runtime().outcomesWaiting() == 2);
        connection.rollback();
      }

      assertThat(here.outcome().get("status").asString()).isEqualTo("complete");
      assertThat(there.outcome().get("status").asString()).isEqualTo("complete");
      assertThat(blocking.outcome().get("status").asString()).isEqualTo("complete");
    }
    assertThat(engine.history(taskId, "join")).containsExactly("in_progress", "complete");
  }

  private ClaimedStep claimOf(long taskId, String step, Attempt attempt) {
    assertThat(attempt.stepId()).isEqualTo(engine.stepId(taskId, step));
    return attempt.step();
  }

  /** As if the lease had lapsed and another process had run the step, before this one finds out. */
  private void completeElsewhere(ClaimedStep lost) {
    Transitions transitions = new Transitions();
    database.call(connection -> transitions.giveBack(connection, List.of(lost), true));
    ClaimedStep again =
        database.call(connection -> new StepClaims().claimStep(connection, ANOTHER, lost.stepId(), Apart.NONE)).steps().get(0);
    StepOutcome outcome =
        new StepOutcome(again.stepId(), again.fence(), StepState.COMPLETE, Json.of("{\"by\": \"another\"}"), null, null, null);
    database.call(connection -> transitions.record(connection, ANOTHER, List.of(outcome), Set.of(), false));
  }
}
