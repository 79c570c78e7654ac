package io.taskercore.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.taskercore.model.Json;
import io.taskercore.model.TaskerException;
import io.taskercore.testing.Await;
import io.taskercore.testing.CutWire;
import io.taskercore.testing.Engine;
import io.taskercore.testing.Gate;
import io.taskercore.testing.Handlers;
import io.taskercore.testing.Workflow;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import tools.jackson.databind.JsonNode;

/** PostgreSQL goes away in the middle of things: nothing is lost, and nobody is asked to clean up. */
class DatabaseFaultTest {

  @RegisterExtension
  final Engine engine = Engine.start(Map.of("lease_ms", 300, "poll_interval_ms", 50));

  /** Orchestrates again and again, as a caller does who gets database errors. */
  private static JsonNode persist(Coordinator coordinator, Handlers handlers, long taskId) {
    for (int tries = 1; ; tries++) {
      try {
        return Engine.run(coordinator, handlers, taskId, null);
      } catch (TaskerException.Database failure) {
        assertThat(failure.isTransient()).isTrue();
        assertThat(tries).as("tries").isLessThan(50);
      }
    }
  }

  @Test
  void aTaskSurvivesThatAllItsConnectionsAreCutAgainAndAgain() {
    engine.handlers().on("Square", attempt -> {
      LockSupport.parkNanos(3_000_000);
      return Json.EMPTY_OBJECT;
    });
    engine.register("fan");
    long taskId = engine.task("fan", "{}");
    Thread cutter = new Thread(() -> {
      for (int i = 1; i <= 5; i++) {
        int enough = 30 * i;
        Await.until("more steps", () -> engine.handlers().ran().size() >= enough);
        engine.database().endSessions();
      }
    });
    cutter.start();

    JsonNode outcome = persist(engine.coordinator(), engine.handlers(), taskId);
    Await.until("the last cut", () -> !cutter.isAlive());

    assertThat(outcome.get("status").asString()).isEqualTo("complete");
    assertThat(outcome.get("completed_steps").asInt()).isEqualTo(202);
  }

  @Test
  void aResultThatCannotBeWrittenNowIsWrittenLaterAndItsHandlerRunsOnce() {
    Gate gate = Gate.closed(attempt -> Json.of("{\"kept\": true}"));
    engine.handlers().on("a", gate);
    long taskId = engine.task(Workflow.named("w").step("a"));
    try (Engine.Background run = engine.inBackground(taskId)) {
      gate.awaitEntered();
      engine.database().endSessions();

      gate.open();
      Await.until("the result is written", () -> engine.database().number(
          "SELECT count(*) FROM tasker.workflow_steps WHERE state = 'complete'") == 1);

      assertThat(run.outcome().get("status").asString()).isEqualTo("complete");
    } catch (TaskerException.Database told) {
      assertThat(told.isTransient()).isTrue();
    }
    assertThat(engine.database().value("SELECT result->>'kept' FROM tasker.workflow_steps")).isEqualTo("true");
    assertThat(engine.handlers().ran()).containsExactly("a#1");
  }

  @Test
  void claimsWhoseConfirmationWasLostAreFoundAndRun() {
    try (CutWire wire = new CutWire(engine.database())) {
      Handlers handlers = new Handlers().succeed("a", "b");
      Coordinator coordinator = engine.through(wire.port(), handlers, Map.of("lease_ms", 300, "poll_interval_ms", 50));
      long taskId = engine.task(Workflow.named("w").step("a").step("b", "a"));
      wire.cutAfter("picked AS MATERIALIZED");

      assertThatThrownBy(() -> Engine.run(coordinator, handlers, taskId, null))
          .isInstanceOf(TaskerException.Database.class).hasMessageStartingWith("Database error: ");
      assertThat(wire.cuts()).isEqualTo(1);
      assertThat(engine.state(taskId, "a")).isEqualTo("in_progress");
      JsonNode outcome = Engine.run(coordinator, handlers, taskId, null);

      assertThat(outcome.get("status").asString()).isEqualTo("complete");
      assertThat(handlers.ran()).containsExactly("a#1", "b#1");
      assertThat(engine.history(taskId, "a")).containsExactly("in_progress", "enqueued(given_back)", "in_progress", "complete");
      coordinator.close();
    }
  }

  @Test
  void aResultWhoseConfirmationWasLostIsNotWrittenTwiceAndTheChildrenThatCameWithItRun() {
    try (CutWire wire = new CutWire(engine.database())) {
      Handlers handlers = new Handlers().on("a", attempt -> Json.of("{\"by\": \"a\"}"))
          .on("b", attempt -> attempt.parentResults().get("a"));
      Coordinator coordinator = engine.through(wire.port(), handlers, Map.of("lease_ms", 300, "poll_interval_ms", 50));
      long taskId = engine.task(Workflow.named("w").step("a").step("b", "a"));
      wire.cutAfter("record_outcome(");

      JsonNode outcome = Engine.run(coordinator, handlers, taskId, null);

      assertThat(wire.cuts()).isEqualTo(1);
      assertThat(outcome.get("status").asString()).isEqualTo("complete");
      assertThat(handlers.ran()).containsExactly("a#1", "b#1");
      assertThat(engine.step(taskId, "b").get("result").get("by").asString()).isEqualTo("a");
      assertThat(engine.history(taskId, "b")).containsExactly("in_progress", "enqueued(given_back)", "in_progress", "complete");
      coordinator.close();
    }
  }

  /** Changes a default of the database's while something is done. The engine begins anew with it, and keeps the sessions of then. */
  private void with(String setting, Map<String, Object> settings, Runnable work) {
    String alter = "BEGIN READ WRITE; ALTER DATABASE " + engine.database().name() + " ";
    engine.database().execute(alter + "SET " + setting + "; COMMIT");
    try {
      engine.restart(settings);
      work.run();
    } finally {
      engine.database().execute(alter + "RESET " + setting.split(" ")[0] + "; COMMIT");
    }
  }

  /** @return the id; null where the session is read-only */
  private Long create() {
    try {
      return engine.initialize("{\"task_name\": \"w\"}").get("task_id").asLong();
    } catch (TaskerException.Database failure) {
      assertThat(failure.isTransient()).isTrue();
      return failure.getMessage().contains("read-only") ? null : create();
    }
  }

  /** As while a server is switched over: what began then stays read-only, though the database is not any more. */
  @Test
  void sessionsThatBeganReadOnlyAreReplacedAtOnce() {
    engine.handlers().succeed("a", "b");
    engine.register(Workflow.named("w").step("a").step("b", "a"));
    String readOnly = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
    List<String> sessions = new ArrayList<>();
    with("default_transaction_read_only = on", Map.of("lease_ms", 300), () -> {
      assertThat(create()).isNull();
      Await.until("the pool has idle sessions", () -> {
        sessions.clear();
        sessions.addAll(engine.database().column(readOnly));
        return sessions.size() >= 2;
      });
    });

    // Each of them says so once, at most.
    long refused = IntStream.range(0, 20).filter(i -> create() == null).count();

    assertThat(refused).isLessThanOrEqualTo(sessions.size());
    long taskId = create();
    assertThat(persist(engine.coordinator(), engine.handlers(), taskId).get("status").asString()).isEqualTo("complete");
    engine.database().execute("TRUNCATE tasker.tasks, tasker.workflow_steps, tasker.step_queue, tasker.transitions, tasker.idempotency_keys");
  }

  /** A trigger that takes a while for each result stands for results that are large. */
  private void withSlowResults(String handler, double seconds, Runnable work) {
    engine.database().execute("""
        CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          IF NEW.state = 'complete' AND NEW.handler = '%s' THEN PERFORM pg_sleep(%s); END IF;
          RETURN NEW;
        END $$;
        CREATE TRIGGER slow BEFORE UPDATE ON tasker.workflow_steps FOR EACH ROW EXECUTE FUNCTION slow()"""
        .formatted(handler, seconds));
    try {
      work.run();
    } finally {
      engine.database().execute("DROP TRIGGER slow ON tasker.workflow_steps; DROP FUNCTION slow()");
    }
  }

  /** With a statement_timeout of the role's, say. */
  @Test
  void resultsThatTakePostgresTooLongTogetherAreRecordedInParts() {
    Gate gate = Gate.closed(attempt -> Json.of("{}"));
    engine.handlers().on("a", gate);
    Workflow fan = Workflow.named("w");
    IntStream.range(0, 16).forEach(i -> fan.stepWith("a" + i, "\"handler\": \"a\""));
    Map<String, Object> oneRecorder = Map.of("database_pool_size", 8, "max_parallel_steps", 20);
    withSlowResults("a", 0.1, () -> with("statement_timeout = '1s'", oneRecorder, () -> {
      long taskId = engine.task(fan);
      try (Engine.Background run = engine.inBackground(taskId)) {
        gate.awaitEntered(16);
        gate.openAndAwaitLeft();

        assertThat(run.outcome().get("status").asString()).isEqualTo("complete");
      }
    }));
    assertThat(engine.handlers().ran()).hasSize(16);
  }

  @Test
  void aResultThatTakesPostgresTooLongAloneEndsItsStepWithTheNameOfTheLimit() {
    engine.handlers().on("a", attempt -> Json.of("{}")).succeed("b");
    withSlowResults("a", 3, () -> with("statement_timeout = '1s'", Map.of("lease_ms", 2_000), () -> {
      long taskId = engine.task(Workflow.named("w").step("a").step("b"));

      assertThat(persist(engine.coordinator(), engine.handlers(), taskId).get("status").asString()).isEqualTo("error");
      assertThat(engine.step(taskId, "a").get("error").get("message").asString())
          .contains("could not be stored", "statement_timeout", "2 bytes");
      assertThat(engine.state(taskId, "b")).isEqualTo("complete");
    }));
    assertThat(engine.handlers().ran()).containsExactlyInAnyOrder("a#1", "b#1");
  }

  @Test
  void aCallToADatabaseThatIsAwayIsADatabaseErrorThatShowsNoCredentials() {
    CutWire wire = new CutWire(engine.database());
    Handlers handlers = new Handlers();
    Coordinator coordinator =
        engine.through(wire.port(), handlers, Map.of("connection_timeout_ms", 500, "shutdown_timeout_ms", 100));
    long taskId = engine.task(Workflow.named("w").step("a"));

    wire.close();

    assertThatThrownBy(() -> coordinator.questions().taskContext(taskId)).isInstanceOfSatisfying(TaskerException.Database.class, failure -> {
      assertThat(failure.isTransient()).isTrue();
      assertThat(failure).hasMessageStartingWith("Database error: ").hasMessageNotContainingAny("SELECT", "postgres:");
    });
  }

  @Test
  void aResultThatPostgresqlRefusesEndsItsStepInErrorAndNoOther() {
    int steps = 8;
    Workflow workflow = Workflow.named("w");
    Gate together = Gate.closed(attempt -> Json.of(attempt.stepName().equals("s3") ? "{not json" : "{}"));
    IntStream.range(0, steps).forEach(i -> workflow.stepWith("s" + i, "\"handler\": \"Together\""));
    engine.handlers().on("Together", together);
    long taskId = engine.task(workflow);
    try (Engine.Background run = engine.inBackground(taskId)) {
      together.awaitEntered(steps);
      together.open();

      JsonNode outcome = run.outcome();

      assertThat(outcome.get("status").asString()).isEqualTo("error");
      assertThat(outcome.get("completed_steps").asInt()).isEqualTo(steps - 1);
    }
    assertThat(engine.step(taskId, "s3").get("error").get("error_code").asString()).isEqualTo("outcome_refused");
    assertThat(engine.step(taskId, "s3").get("attempts").asInt()).isEqualTo(1);
  }
}
