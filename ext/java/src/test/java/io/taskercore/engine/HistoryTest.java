package io.taskercore.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.taskercore.model.Json;
import io.taskercore.model.TaskerException;
import io.taskercore.testing.Await;
import io.taskercore.testing.Engine;
import io.taskercore.testing.Gate;
import io.taskercore.testing.RunningWorker;
import io.taskercore.testing.Workflow;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A database that is emptied or goes back in time under a living process, and gives the same ids out again. */
class HistoryTest {

  private static final String EMPTIED = """
      TRUNCATE tasker.templates, tasker.template_steps, tasker.tasks, tasker.workflow_steps, tasker.step_queue,
        tasker.transitions, tasker.processes, tasker.process_tasks, tasker.idempotency_keys RESTART IDENTITY CASCADE""";

  @RegisterExtension
  final Engine engine = Engine.start(Map.of("lease_ms", 300));

  /** Ids begin with 1 for each test, and with 1 again. What works on the tables may stand in the way, and the other way round. */
  @BeforeEach
  void empty() {
    Await.until("the tables are empty", () -> {
      try {
        engine.database().execute(EMPTIED);
        return true;
      } catch (IllegalStateException deadlock) {
        assertThat(deadlock.getCause()).hasMessageContaining("deadlock detected");
        return false;
      }
    });
  }

  private static Json request(String name, String payload) {
    return Json.of("{\"task_name\": \"" + name + "\", \"payload\": " + payload + "}");
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void aResultOfATaskThatWasIsNotAcceptedForTheTaskThatHasItsId(boolean inOneBatch) throws SQLException {
    // One recorder, and no renewal, which would find out before the outcome does.
    engine.restart(Map.of("database_pool_size", 8, "lease_ms", 60_000));
    Gate was = Gate.deaf("{\"of\": \"was\"}");
    Gate is = Gate.closed(attempt -> Json.of("{\"of\": \"is\"}"));
    Gate blocker = Gate.closed();
    engine.handlers()
        .on("blocker", blocker)
        .on("first", attempt -> attempt.payload().text().contains("was") ? was.call(attempt) : is.call(attempt))
        .on("then", attempt -> Json.of("{\"read\": " + attempt.parentResults().get("first").text() + ", \"payload\": "
            + attempt.payload().text() + "}"));
    Workflow workflow = Workflow.named("w").step("first").step("then", "first");
    engine.register(workflow);
    Engine.Background lost = engine.inBackground(engine.coordinator().tasks().handle(request("w", "{\"n\": \"was\"}"), null));
    was.awaitEntered();

    empty();
    engine.register(workflow);
    Engine.Background now = engine.inBackground(engine.coordinator().tasks().handle(request("w", "{\"n\": \"is\"}"), null));
    is.awaitEntered();
    assertThat(is.attempt().stepId()).isEqualTo(was.attempt().stepId());
    assertThat(is.attempt().attempt()).isEqualTo(was.attempt().attempt());

    if (inOneBatch) {
      long blocked = engine.task(Workflow.named("blocked").step("blocker"));
      try (Engine.Background blocking = engine.inBackground(blocked);
          Connection connection = engine.database().dataSource().getConnection();
          Statement statement = connection.createStatement()) {
        blocker.awaitEntered();
        connection.setAutoCommit(false);
        statement.execute("SELECT 1 FROM tasker.tasks WHERE task_id = " + blocked + " FOR UPDATE");
        blocker.openAndAwaitLeft();
        Await.until("the recorder waits", () -> engine.database().number(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'") == 1);
        was.openAndAwaitLeft();
        Await.until("the old outcome has arrived", () -> engine.coordinator().runtime().outcomesWaiting() == 1);
        is.openAndAwaitLeft();
        Await.until("both outcomes have arrived", () -> engine.coordinator().runtime().outcomesWaiting() == 2);
        connection.rollback();
        blocking.outcome();
      }
    } else {
      was.openAndAwaitLeft();
      is.openAndAwaitLeft();
    }

    long taskId = now.outcome().get("task_id").asLong();
    assertThat(now.outcome().get("status").asString()).isEqualTo("complete");
    assertThat(engine.step(taskId, "then").get("result").toString())
        .isEqualTo("{\"read\":{\"of\":\"is\"},\"payload\":{\"n\":\"is\"}}");
    assertThat(engine.history(taskId, "first")).containsExactly("in_progress", "complete");
    assertThatThrownBy(lost::outcome).isInstanceOf(TaskerException.TaskNotFound.class);
  }

  @Test
  void aTemplateIsNotTakenForTheOneThatHadItsId() {
    engine.handlers().on("mail", attempt -> attempt.config());
    engine.register(Workflow.named("newsletter").stepWith("blast", "\"handler\": \"mail\", \"config\": {\"to\": \"everybody\"}"));
    engine.handle(request("newsletter", "{}"));

    empty();
    engine.register(Workflow.named("invoice")
        .stepWith("send", "\"handler\": \"mail\", \"config\": {\"to\": \"billing\"}").stepWith("file", "\"handler\": \"mail\""));

    long taskId = engine.handle(request("invoice", "{}")).get("task_id").asLong();
    assertThat(engine.step(taskId, "send").get("result").toString()).isEqualTo("{\"to\":\"billing\"}");
    assertThat(engine.status(taskId)).isEqualTo("complete");
    long other = engine.initialize("{\"task_name\": \"invoice\"}").get("task_id").asLong();
    assertThat(engine.run(other).get("status").asString()).isEqualTo("complete");
    assertThat(engine.step(other, "send").get("result").toString()).isEqualTo("{\"to\":\"billing\"}");
    assertThatThrownBy(() -> engine.handle(request("newsletter", "{}"))).isInstanceOf(TaskerException.TemplateNotFound.class);
  }

  @Test
  void theSameNameMayMeanAnotherTemplateNow() {
    engine.handlers().succeed("one", "other");
    engine.register(Workflow.named("w").step("one"));
    engine.handle(request("w", "{}"));

    empty();
    engine.register(Workflow.named("w").step("other"));

    assertThat(engine.handle(request("w", "{}")).get("status").asString()).isEqualTo("complete");
    assertThat(engine.handlers().ran()).containsExactly("one#1", "other#1");
  }

  @Test
  void aNewVersionIsTheNewestAtOnceForAProcessThatRemembersTheOlder() {
    engine.handlers().succeed("one", "other");
    engine.register(Workflow.named("w").version("1.0.0").step("one"));
    engine.handle(request("w", "{}"));

    engine.register(Workflow.named("w").version("1.1.0").step("other"));

    engine.handle(request("w", "{}"));
    engine.handle(Json.of("{\"task_name\": \"w\", \"version\": \"1.0.0\"}"));
    assertThat(engine.handlers().ran()).containsExactly("one#1", "other#1", "one#1");
  }

  @Test
  void aWorkerLooksForTheHandlersOfATemplateThatHasTheIdOfAnother() {
    engine.handlers().succeed("one", "other");
    engine.register(Workflow.named("w").step("one"));
    try (RunningWorker worker = RunningWorker.start(engine.coordinator(), engine.handlers())) {
      assertThat(worker.worker().isRunning()).isTrue();
      long before = engine.initialize("{\"task_name\": \"w\"}").get("task_id").asLong();
      Await.until("the first has run", () -> engine.status(before).equals("complete"));

      empty();
      engine.register(Workflow.named("v").step("other"));
      long after = engine.initialize("{\"task_name\": \"v\"}").get("task_id").asLong();

      assertThat(after).isEqualTo(before);
      Await.until("the other has run", () -> engine.status(after).equals("complete"));
    }
  }

  /** As after a restore of what was before the outcome: the step is in progress under a claim of ours that nobody here knows. */
  @Test
  void aClaimThatCameBackWithTheDatabaseIsGivenBack() {
    engine.handlers().on("a", attempt -> Json.of("{\"attempt\": " + attempt.attempt() + "}"));
    long taskId = engine.task(Workflow.named("w").step("a").step("b", "a"));
    assertThat(engine.run(taskId, 10_000L).get("status").asString()).isEqualTo("in_progress");
    String before = "SELECT process_id FROM tasker.processes";
    String processId = engine.database().value(before);

    engine.database().execute("DELETE FROM tasker.step_queue");
    engine.database().execute("DELETE FROM tasker.transitions WHERE to_state IN ('complete', 'enqueued')");
    engine.database().execute("""
        UPDATE tasker.workflow_steps
        SET state = CASE name WHEN 'a' THEN 'in_progress' ELSE 'pending' END, waiting_on = CASE name WHEN 'a' THEN 0 ELSE 1 END,
          completed_at = NULL, result = NULL, process_id = CASE name WHEN 'a' THEN\s""" + processId + """
           END
        WHERE task_id =\s""" + taskId);
    engine.database().execute("DELETE FROM tasker.process_tasks");
    engine.database().execute("INSERT INTO tasker.process_tasks VALUES (" + processId + ", 1, ARRAY[" + taskId + "])");
    engine.database().execute("""
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid() AND query LIKE '%tasker.processes%'""");

    engine.handlers().succeed("b");
    Await.until("the step has run again", () -> {
      engine.run(taskId, 1_000L);
      return engine.status(taskId).equals("complete");
    });
    assertThat(engine.history(taskId, "a")).containsExactly("in_progress", "enqueued(given_back)", "in_progress", "complete");
    assertThat(List.of(engine.database().value(before))).containsExactly(processId);
  }
}
