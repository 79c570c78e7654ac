package io.taskercore.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.taskercore.model.Json;
import io.taskercore.model.TaskerException;
import io.taskercore.testing.Await;
import io.taskercore.testing.Engine;
import io.taskercore.testing.Gate;
import io.taskercore.testing.Handlers;
import io.taskercore.testing.Handlers.Failed;
import io.taskercore.testing.Workflow;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/** What is told about tasks: task_context, explain, list_tasks. */
class TaskReportsTest {

  @RegisterExtension
  final Engine engine = Engine.start(Map.of("lease_ms", 300));

  @Nested
  class TaskContext {

    /** What a task's context, and the outcome of a run at that time, say of its standing. */
    private void assertStanding(long taskId, String status, String executionStatus, String action) {
      JsonNode context = engine.context(taskId);
      assertThat(context.get("status").asString()).isEqualTo(status);
      assertThat(context.get("execution_status").asString()).isEqualTo(executionStatus);
      assertThat(context.get("recommended_action").asString()).isEqualTo(action);
      JsonNode outcome = engine.run(taskId, 0L);
      assertThat(outcome.get("status").asString()).isEqualTo(status);
      assertThat(outcome.get("execution_status").asString()).isEqualTo(executionStatus);
    }

    private void assertCounts(
        long taskId, int pending, int enqueued, int inProgress, int waiting, int completed, int failed, int cancelled) {
      JsonNode context = engine.context(taskId);
      List<Integer> counts = List.of("pending_steps", "enqueued_steps", "in_progress_steps", "waiting_steps",
          "completed_steps", "failed_steps", "cancelled_steps").stream().map(name -> context.get(name).asInt()).toList();
      assertThat(counts).containsExactly(pending, enqueued, inProgress, waiting, completed, failed, cancelled);
      assertThat(context.get("total_steps").asInt()).isEqualTo(counts.stream().mapToInt(Integer::intValue).sum());
    }

    @Test
    void aNewTaskHasReadySteps() {
      long taskId = engine.task(Workflow.named("w").step("a").step("b", "a"));

      assertStanding(taskId, "pending", "has_ready_steps", "execute_ready_steps");
      assertCounts(taskId, 1, 1, 0, 0, 0, 0, 0);
    }

    @Test
    void aTaskWithARunningStepIsProcessingWhateverElseIsTrue() {
      Gate gate = Gate.closed();
      engine.handlers().on("a", gate).succeed("done").on("waits", attempt -> {
        throw Failed.after(3600);
      }).on("bad", attempt -> {
        throw Failed.permanently("no");
      });
      long taskId = engine.task(Workflow.named("w")
          .step("a").step("done").step("waits").step("bad").step("nobodys").step("child", "a"));
      try (Engine.Background run = engine.inBackground(taskId)) {
        gate.awaitEntered();
        engine.awaitState(taskId, "done", "complete");
        engine.awaitState(taskId, "waits", "waiting_for_retry");
        engine.awaitState(taskId, "bad", "error");

        assertStanding(taskId, "in_progress", "processing", "wait_for_completion");
        assertCounts(taskId, 1, 1, 1, 1, 1, 1, 0);
        gate.open();
        engine.awaitState(taskId, "child", "enqueued");

        assertStanding(taskId, "in_progress", "has_ready_steps", "execute_ready_steps");
        assertThat(run.isOver()).isFalse();
      }
    }

    @Test
    void aTaskOfWhichSomeStepOnlyWaitsIsWaitingForRetry() {
      engine.handlers().on("a", attempt -> {
        throw Failed.after(3600);
      });
      long taskId = engine.task(Workflow.named("w").step("a").step("b", "a"));
      try (Engine.Background run = engine.inBackground(taskId)) {
        engine.awaitState(taskId, "a", "waiting_for_retry");

        assertStanding(taskId, "in_progress", "waiting_for_retry", "wait_for_retry");
        assertCounts(taskId, 1, 0, 0, 1, 0, 0, 0);
        assertThat(run.isOver()).isFalse();
      }
    }

    @Test
    void aTaskInErrorIsBlockedByFailures() {
      engine.handlers().on("a", attempt -> {
        throw Failed.permanently("no");
      });
      long taskId = engine.task(Workflow.named("w").step("a").step("b", "a"));
      engine.run(taskId);

      assertStanding(taskId, "error", "blocked_by_failures", "handle_failures");
      assertCounts(taskId, 1, 0, 0, 0, 0, 1, 0);
    }

    @Test
    void anEndedTaskNeedsNothing() {
      engine.handlers().succeed("a");
      Workflow workflow = Workflow.named("w").step("a");
      long complete = engine.task(workflow);
      long cancelled = engine.task(workflow);
      long resolved = engine.task(workflow);
      engine.run(complete);
      engine.coordinator().operators().cancelTask(cancelled, null);
      engine.coordinator().operators().resolveTask(resolved, null);

      assertStanding(complete, "complete", "all_complete", "none");
      assertStanding(cancelled, "cancelled", "cancelled", "none");
      assertStanding(resolved, "resolved_manually", "all_complete", "none");
      assertCounts(complete, 0, 0, 0, 0, 1, 0, 0);
      assertCounts(cancelled, 0, 0, 0, 0, 0, 0, 1);
    }

    @Test
    void resolvedStepsCountAsCompleted() {
      long taskId = engine.task(Workflow.named("w").step("a").step("b").step("c"));

      engine.coordinator().operators().resolveStep(engine.stepId(taskId, "a"), null, null);

      assertCounts(taskId, 0, 2, 0, 0, 1, 0, 0);
      assertThat(engine.context(taskId).get("completion_percentage").asDouble()).isEqualTo(33.33);
    }

    @Test
    void transitionsAreInTheOrderInWhichThingsHappened() {
      engine.handlers().succeed("a", "b").on("c", attempt -> {
        throw Failed.permanently("no");
      });
      long taskId = engine.task(Workflow.named("w").step("a").step("b", "a").step("c", "b"));

      engine.run(taskId);

      List<String> log = new ArrayList<>();
      List<String> times = new ArrayList<>();
      for (JsonNode entry : engine.context(taskId).get("transitions")) {
        log.add("%s: %s -> %s%s".formatted(
            entry.get("step_name").asString("task"), entry.get("from_state").asString(), entry.get("to_state").asString(),
            entry.get("attempt").isNull() ? "" : " #" + entry.get("attempt").asInt()));
        times.add(entry.get("at").asString());
      }
      assertThat(log).containsExactly(
          "task: pending -> in_progress",
          "a: enqueued -> in_progress #1",
          "a: in_progress -> complete #1",
          "b: pending -> in_progress #1",
          "b: in_progress -> complete #1",
          "c: pending -> in_progress #1",
          "c: in_progress -> error #1",
          "task: in_progress -> error");
      assertThat(times).isSorted().allMatch(time -> time.matches("\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z"));
    }

    @Test
    void aStepTellsItsTimes() {
      engine.handlers().succeed("a");
      long taskId = engine.task(Workflow.named("w").step("a"));
      Instant before = Instant.now().minusMillis(50);

      engine.run(taskId);

      JsonNode step = engine.step(taskId, "a");
      Instant started = Instant.parse(step.get("started_at").asString());
      Instant completed = Instant.parse(step.get("completed_at").asString());
      assertThat(started).isBetween(before, completed);
      assertThat(step.get("duration_ms").asDouble()).isBetween(0.0, 30_000.0);
      assertThat(Instant.parse(engine.context(taskId).get("completed_at").asString())).isEqualTo(completed);
    }

    @Test
    void nobodysTaskIsNotFound() {
      assertThatThrownBy(() -> engine.context(-1)).isInstanceOf(TaskerException.TaskNotFound.class).hasMessage("Task not found: -1");
      assertThatThrownBy(() -> engine.run(-1)).isInstanceOf(TaskerException.TaskNotFound.class);
      assertThatThrownBy(() -> engine.coordinator().questions().explain(-1)).isInstanceOf(TaskerException.TaskNotFound.class);
    }
  }

  @Nested
  class Explain {

    private JsonNode explained(long taskId, String step) {
      JsonNode steps = Engine.tree(engine.coordinator().questions().explain(taskId)).get("steps");
      return StreamSupport.stream(steps.spliterator(), false)
          .filter(explained -> explained.get("name").asString().equals(step)).findFirst().orElseThrow();
    }

    private void assertReason(long taskId, String step, String state, String reason) {
      assertThat(explained(taskId, step).get("state").asString()).isEqualTo(state);
      assertThat(explained(taskId, step).get("reason").asString()).isEqualTo(reason);
    }

    @Test
    void aStepWaitsForItsParentsByName() {
      engine.handlers().succeed("a");
      long taskId = engine.task(Workflow.named("w").step("a").step("b").step("c", "a", "b"));
      engine.run(taskId);

      assertReason(taskId, "c", "pending", "waiting_for_parents");
      assertThat(explained(taskId, "c").get("detail").asString()).contains("b (enqueued)").doesNotContain("a (");
    }

    @Test
    void aStepOfATaskWithARunAtIsNotToRunBefore() {
      engine.handlers().succeed("a");
      engine.register(Workflow.named("w").step("a"));
      long taskId = engine.initialize("{\"task_name\": \"w\", \"run_at\": \"2100-01-01T00:00:00Z\"}").get("task_id").asLong();

      assertReason(taskId, "a", "enqueued", "not_before");
      assertThat(explained(taskId, "a").get("next_look_at").asString()).isEqualTo("2100-01-01T00:00:00.000Z");
    }

    @Test
    void aStepThatFailedBacksOff() {
      engine.handlers().on("a", attempt -> {
        throw Failed.after(3600);
      });
      long taskId = engine.task(Workflow.named("w").step("a"));
      try (Engine.Background run = engine.inBackground(taskId)) {
        engine.awaitState(taskId, "a", "waiting_for_retry");

        assertReason(taskId, "a", "waiting_for_retry", "backing_off");
        assertThat(explained(taskId, "a").get("next_look_at")).isEqualTo(engine.step(taskId, "a").get("next_run_at"));
        assertThat(run.isOver()).isFalse();
      }
    }

    @Test
    void aStepWhoseHandlerIsAtHandIsQueued() {
      engine.handlers().succeed("a");
      long taskId = engine.task(Workflow.named("w").step("a"));

      assertReason(taskId, "a", "enqueued", "queued");
    }

    @Test
    void aStepWhoseHandlerNobodyHasSaysSo() {
      long taskId = engine.task(Workflow.named("w").step("a"));

      assertReason(taskId, "a", "enqueued", "no_live_worker_has_handler");
      assertThat(explained(taskId, "a").get("detail").asString()).contains("a");
    }

    @Test
    void aHandlerInAnotherLiveProcessCountsAsLongAsThatLives() {
      Handlers there = new Handlers().succeed("b").on("a", Gate.closed());
      Coordinator other = engine.otherProcess("other", there, Map.of("shutdown_timeout_ms", 0));
      long taskId = engine.task(Workflow.named("w").step("a").step("b", "a"));
      try (Engine.Background run = Engine.inBackground(other, there, taskId, null)) {
        engine.awaitState(taskId, "a", "in_progress");
        assertThat(run.isOver()).isFalse();
      }
      long waiting = engine.task(Workflow.named("v").step("b"));

      Await.until("the other process's handlers are known",
          () -> explained(waiting, "b").get("reason").asString().equals("queued"));
      other.close();

      assertReason(waiting, "b", "enqueued", "no_live_worker_has_handler");
    }

    @Test
    void aRunningStepTellsItsAttemptAndWhoRunsIt() {
      Gate gate = Gate.closed();
      engine.handlers().on("a", gate);
      long taskId = engine.task(Workflow.named("w").step("a"));
      try (Engine.Background run = engine.inBackground(taskId)) {
        gate.awaitEntered();

        assertReason(taskId, "a", "in_progress", "running");
        assertThat(explained(taskId, "a").get("detail").asString())
            .contains("attempt 1 of 3").contains("process " + ProcessHandle.current().pid());
        gate.open();
        run.outcome();
      }
    }

    @Test
    void whatIsLeftOfATaskThatEndedSaysSo() {
      engine.handlers().on("a", attempt -> {
        throw Failed.permanently("no");
      });
      long taskId = engine.task(Workflow.named("w").step("a").step("b", "a"));
      engine.run(taskId);

      assertReason(taskId, "b", "pending", "task_ended");
      assertThat(explained(taskId, "b").get("detail").asString()).isEqualTo("the task ended in error; it cannot run, for a has failed for good");
      JsonNode explained = Engine.tree(engine.coordinator().questions().explain(taskId));
      assertThat(explained.get("status").asString()).isEqualTo("error");
      assertThat(explained.get("detail").asString()).isEqualTo("the task has ended: error; failed for good: a (declined)");
    }

    @Test
    void aJoinThatCannotRunNamesTheStepThatFailed() {
      Gate gate = Gate.closed();
      engine.handlers().on("slow", gate).on("bad", attempt -> {
        throw Failed.permanently("no");
      });
      long taskId = engine.task(Workflow.named("w").step("bad").step("slow").step("between", "bad").step("join", "between", "slow"));
      try (Engine.Background run = engine.inBackground(taskId)) {
        gate.awaitEntered();
        engine.awaitState(taskId, "bad", "error");

        assertReason(taskId, "join", "pending", "waiting_for_parents");
        assertThat(explained(taskId, "join").get("detail").asString())
            .contains("between (pending)", "slow (in_progress)", "it cannot run, for bad has failed for good");
        assertThat(explained(taskId, "join").get("step_id").asLong()).isEqualTo(engine.stepId(taskId, "join"));
        assertThat(Engine.tree(engine.coordinator().questions().explain(taskId)).get("detail").asString()).isEqualTo("failed for good: bad (declined)");
        engine.coordinator().operators().resolveStep(engine.stepId(taskId, "between"), "by hand", null);
        assertThat(explained(taskId, "join").get("detail").asString()).isEqualTo("waits for slow (in_progress)");
        gate.open();
        run.outcome();
      }
    }

    @Test
    void aStepOfAProcessWhoseLeaseHasLapsedSaysSoAtOnce() {
      long taskId = engine.task(Workflow.named("w").step("a"));
      engine.database().execute("""
          INSERT INTO tasker.processes (process_id, host, pid, lease_until, handlers) OVERRIDING SYSTEM VALUE
          VALUES (7, 'gone', 12, now() - interval '1 second', '{}');
          DELETE FROM tasker.step_queue;
          UPDATE tasker.tasks SET state = 'in_progress', started_at = now();
          UPDATE tasker.workflow_steps SET state = 'in_progress', attempts = 2, crashes = 1, fence = 2, process_id = 7, started_at = now()""");

      assertThat(explained(taskId, "a").get("detail").asString())
          .startsWith("attempt 1 of 3 (1 more ended with their process) since ")
          .endsWith(" in process 12 on gone, whose lease has lapsed: it is taken over soon");
      engine.database().execute("DELETE FROM tasker.tasks; DELETE FROM tasker.processes");
    }

    @Test
    void nothingIsLeftToExplainOfACompleteTask() {
      engine.handlers().succeed("a");
      long taskId = engine.task(Workflow.named("w").step("a"));
      engine.run(taskId);

      JsonNode explained = Engine.tree(engine.coordinator().questions().explain(taskId));
      assertThat(explained.get("steps")).isEmpty();
      assertThat(explained.get("detail").asString()).isEqualTo("the task has ended: complete");
    }
  }

  @Nested
  class ListTasks {

    private JsonNode list(String filter) {
      return Engine.tree(engine.coordinator().questions().listTasks(Json.of(filter)));
    }

    private List<Long> ids(String filter) {
      return StreamSupport.stream(list(filter).get("tasks").spliterator(), false)
          .map(task -> task.get("task_id").asLong()).toList();
    }

    private long task(String request) {
      return engine.initialize(request).get("task_id").asLong();
    }

    @Test
    void newestFirstByNamespaceNameStatusAndTag() {
      engine.handlers().succeed("a");
      engine.register(Workflow.named("w").step("a"));
      engine.register(Workflow.named("v").step("a"));
      engine.register(Workflow.named("w").namespace("other").step("a"));
      long one = task("{\"task_name\": \"w\", \"tags\": [\"x\", \"y\"]}");
      long two = task("{\"task_name\": \"w\", \"tags\": [\"y\"]}");
      long three = task("{\"task_name\": \"v\"}");
      long four = task("{\"task_name\": \"w\", \"namespace\": \"other\", \"tags\": [\"x\"]}");
      engine.run(two);
      engine.coordinator().operators().cancelTask(three, null);

      assertThat(ids("{}")).containsExactly(four, three, two, one);
      assertThat(ids("{\"namespace\": \"default\"}")).containsExactly(three, two, one);
      assertThat(ids("{\"name\": \"w\"}")).containsExactly(four, two, one);
      assertThat(ids("{\"namespace\": \"default\", \"name\": \"w\"}")).containsExactly(two, one);
      assertThat(ids("{\"status\": \"pending\"}")).containsExactly(four, one);
      assertThat(ids("{\"status\": \"complete\"}")).containsExactly(two);
      assertThat(ids("{\"status\": \"cancelled\"}")).containsExactly(three);
      assertThat(ids("{\"tag\": \"x\"}")).containsExactly(four, one);
      assertThat(ids("{\"tag\": \"y\", \"status\": \"pending\"}")).containsExactly(one);
      assertThat(ids("{\"tag\": \"z\"}")).isEmpty();
    }

    @Test
    void byTheTimeOfCreationFromInclusiveToExclusive() {
      engine.register(Workflow.named("w").step("a"));
      long one = task("{\"task_name\": \"w\"}");
      long two = task("{\"task_name\": \"w\"}");
      long three = task("{\"task_name\": \"w\"}");
      engine.database().execute("UPDATE tasker.tasks SET created_at = '2020-01-01T00:00:00Z' WHERE task_id = " + one);
      engine.database().execute("UPDATE tasker.tasks SET created_at = '2021-01-01T00:00:00Z' WHERE task_id = " + two);
      engine.database().execute("UPDATE tasker.tasks SET created_at = '2022-01-01T00:00:00Z' WHERE task_id = " + three);

      assertThat(ids("{\"created_after\": \"2021-01-01T00:00:00Z\"}")).containsExactly(three, two);
      assertThat(ids("{\"created_before\": \"2021-01-01T01:00:00+01:00\"}")).containsExactly(one);
      assertThat(ids("{\"created_after\": \"2020-06-01T00:00:00Z\", \"created_before\": \"2021-06-01T00:00:00Z\"}"))
          .containsExactly(two);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3, 7, 10, 11})
    void pagesFollowEachOtherWithoutGapsOrRepetitionsWhileTasksAreAdded(int limit) {
      engine.register(Workflow.named("w").step("a"));
      List<Long> all = new ArrayList<>();
      for (int i = 0; i < 10; i++) {
        all.add(0, task("{\"task_name\": \"w\"}"));
      }

      List<Long> seen = new ArrayList<>();
      String cursor = null;
      int pages = 0;
      do {
        JsonNode page = list("{\"limit\": " + limit + (cursor == null ? "" : ", \"cursor\": \"" + cursor + "\"") + "}");
        page.get("tasks").forEach(task -> seen.add(task.get("task_id").asLong()));
        cursor = page.get("next_cursor").isNull() ? null : page.get("next_cursor").asString();
        assertThat(++pages).as("pages").isLessThan(20);
        task("{\"task_name\": \"w\"}");
      } while (cursor != null);

      assertThat(seen).isEqualTo(all);
      assertThat(pages).isEqualTo((10 + limit - 1) / limit);
    }

    @Test
    void aTaskInAListIsDescribedAsInItsContext() {
      engine.register(Workflow.named("w").step("a"));
      long taskId = task("{\"task_name\": \"w\", \"tags\": [\"x\"], \"priority\": 3, \"initiator\": \"me\"}");

      JsonNode listed = list("{}").get("tasks").get(0);

      JsonNode context = engine.context(taskId);
      listed.properties().forEach(member -> assertThat(member.getValue()).isEqualTo(context.get(member.getKey())));
      assertThat(listed.has("version")).isTrue();
    }

    @ParameterizedTest
    @ValueSource(strings = {
      "{\"statuss\": \"pending\"}", "{\"status\": \"done\"}", "{\"limit\": 0}", "{\"limit\": 1001}", "{\"cursor\": \"x\"}",
      "{\"cursor\": \"-1\"}", "{\"created_after\": \"yesterday\"}",
      "{\"created_after\": \"-0001-12-31T23:59:59Z\"}", "{\"created_before\": \"+10000-01-01T00:00:00Z\"}",
      "{\"created_before\": \"9999-12-31T23:59:59-01:00\"}", "{\"created_after\": \"10000-01-01T00:00:00Z\"}",
      "{\"created_after\": \"-999999999-01-01T00:00:00Z\"}", "{\"tag\": 1}", "[]",
    })
    void aBadFilterIsAValidationError(String filter) {
      assertThatThrownBy(() -> list(filter)).isInstanceOf(TaskerException.Validation.class);
    }
  }
}
