package io.taskercore.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.taskercore.engine.attempt.Attempt;
import io.taskercore.model.Json;
import io.taskercore.model.TaskerException;
import io.taskercore.testing.Await;
import io.taskercore.testing.Engine;
import io.taskercore.testing.Gate;
import io.taskercore.testing.Handlers;
import io.taskercore.testing.Handlers.Failed;
import io.taskercore.testing.Workflow;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/** Ending a task by hand: cancel_task and resolve_task. */
class CancelTest {

  @RegisterExtension
  final Engine engine = Engine.start(Map.of("cancel_grace_ms", 100));

  private JsonNode cancel(long taskId) {
    return Engine.tree(engine.coordinator().operators().cancelTask(taskId, "changed my mind"));
  }

  private JsonNode resolve(long taskId) {
    return Engine.tree(engine.coordinator().operators().resolveTask(taskId, "done by phone"));
  }

  @Test
  void aPendingTaskIsCancelledWithAllItsStepsAndNeverRuns() {
    engine.handlers().succeed("a", "b");
    long taskId = engine.task(Workflow.named("w").step("a").step("b", "a"));

    JsonNode answer = cancel(taskId);
    JsonNode outcome = engine.run(taskId);

    assertThat(answer.get("task_id").asLong()).isEqualTo(taskId);
    assertThat(answer.get("step_id").isNull()).isTrue();
    assertThat(answer.get("state").asString()).isEqualTo("cancelled");
    assertThat(outcome.get("status").asString()).isEqualTo("cancelled");
    assertThat(outcome.get("execution_status").asString()).isEqualTo("cancelled");
    assertThat(engine.history(taskId)).containsExactly("cancelled(changed my mind)");
    assertThat(engine.history(taskId, "a")).containsExactly("cancelled(changed my mind)");
    assertThat(engine.history(taskId, "b")).containsExactly("cancelled(changed my mind)");
    assertThat(engine.handlers().ran()).isEmpty();
  }

  @Test
  void aRunningHandlerIsToldAtOnceAndInterruptedAfterTheGrace() {
    Gate gate = Gate.closed();
    engine.handlers().on("a", gate).succeed("b");
    long taskId = engine.task(Workflow.named("w").step("a").step("b", "a"));
    try (Engine.Background run = engine.inBackground(taskId)) {
      Attempt attempt = gate.awaitEntered().attempt();
      assertThat(attempt.cancelled()).isFalse();

      cancel(taskId);

      assertThat(attempt.cancelled()).isTrue();
      assertThat(engine.state(taskId, "a")).isEqualTo("cancelled");
      gate.awaitInterrupted();
      assertThat(run.outcome().get("status").asString()).isEqualTo("cancelled");
    }
    assertThat(engine.history(taskId, "a")).containsExactly("in_progress", "cancelled(changed my mind)");
  }

  @Test
  void aHandlerThatEndsByItselfWithinTheGraceIsNotInterrupted() {
    engine.restart(Map.of("cancel_grace_ms", 3_600_000));
    Gate gate = Gate.closed();
    engine.handlers().on("a", gate);
    long taskId = engine.task(Workflow.named("w").step("a"));
    try (Engine.Background run = engine.inBackground(taskId)) {
      gate.awaitEntered();
      cancel(taskId);

      gate.openAndAwaitLeft();

      assertThat(run.outcome().get("status").asString()).isEqualTo("cancelled");
    }
    assertThat(gate.interrupted()).isZero();
    assertThat(engine.step(taskId, "a").get("result").isNull()).isTrue();
  }

  @Test
  void theLateResultOfACancelledHandlerIsRefused() {
    Gate deaf = Gate.deaf("{\"late\": true}");
    engine.handlers().on("a", deaf).succeed("b");
    long taskId = engine.task(Workflow.named("w").step("a").step("b", "a"));
    try (Engine.Background run = engine.inBackground(taskId)) {
      deaf.awaitEntered();
      cancel(taskId);
      deaf.awaitInterrupted();

      deaf.openAndAwaitLeft();
      engine.handlers().awaitIdle();

      assertThat(run.outcome().get("status").asString()).isEqualTo("cancelled");
    }
    assertThat(engine.history(taskId, "a")).containsExactly("in_progress", "cancelled(changed my mind)");
    assertThat(engine.step(taskId, "a").get("result").isNull()).isTrue();
    assertThat(engine.state(taskId, "b")).isEqualTo("cancelled");
  }

  @Test
  void whatWasClaimedButNotBegunDoesNotBeginAnyMoreAndTheRunEnds() {
    engine.restart(Map.of("max_parallel_steps", 1, "cancel_grace_ms", 50));
    Gate deaf = Gate.deaf("{}");
    engine.handlers().on("a", deaf).on("b", deaf);
    long taskId = engine.task(Workflow.named("w").step("a").step("b"));
    try (Engine.Background run = engine.inBackground(taskId)) {
      deaf.awaitEntered();
      engine.awaitState(taskId, "b", "in_progress");

      cancel(taskId);
      deaf.awaitInterrupted();
      deaf.open();

      assertThat(run.outcome().get("status").asString()).isEqualTo("cancelled");
    }
    engine.handlers().awaitIdle();
    assertThat(engine.handlers().ran()).hasSize(1);
    Await.until("nothing is in flight", () -> engine.coordinator().runtime().inFlight().ofTask(taskId).isEmpty());
  }

  @Test
  void aCancelledTaskLeavesTheOthersAlone() {
    Gate gate = Gate.closed();
    engine.handlers().on("a", gate);
    Workflow workflow = Workflow.named("w").step("a");
    long cancelled = engine.task(workflow);
    long other = engine.task(workflow);
    try (Engine.Background first = engine.inBackground(cancelled);
        Engine.Background second = engine.inBackground(other)) {
      gate.awaitEntered(2);

      cancel(cancelled);
      assertThat(first.outcome().get("status").asString()).isEqualTo("cancelled");
      gate.open();

      assertThat(second.outcome().get("status").asString()).isEqualTo("complete");
    }
  }

  @Test
  void aTaskInErrorMayBeCancelledAndStaysSo() {
    engine.handlers().on("a", attempt -> {
      throw Failed.permanently("no");
    });
    long taskId = engine.task(Workflow.named("w").step("a").step("b", "a"));
    engine.run(taskId);

    cancel(taskId);

    JsonNode context = engine.context(taskId);
    assertThat(context.get("status").asString()).isEqualTo("cancelled");
    assertThat(context.get("cancelled_steps").asInt()).isEqualTo(2);
    assertThat(context.get("failed_steps").asInt()).isZero();
    assertThat(engine.history(taskId)).containsExactly("in_progress", "error", "cancelled(changed my mind)");
  }

  @Test
  void aStepThatWaitsForItsRetryIsCancelledWithItsTask() {
    engine.handlers().on("a", attempt -> {
      throw Failed.after(3600);
    });
    long taskId = engine.task(Workflow.named("w").step("a"));
    try (Engine.Background run = engine.inBackground(taskId)) {
      engine.awaitState(taskId, "a", "waiting_for_retry");

      cancel(taskId);

      assertThat(run.outcome().get("status").asString()).isEqualTo("cancelled");
    }
    assertThat(engine.step(taskId, "a").get("next_run_at").isNull()).isTrue();
  }

  @ParameterizedTest
  @ValueSource(strings = {"complete", "cancelled", "resolved_manually"})
  void aTaskThatHasEndedForGoodCanNeitherBeCancelledNorResolved(String end) {
    engine.handlers().succeed("a");
    long taskId = engine.task(Workflow.named("w").step("a"));
    switch (end) {
      case "complete" -> engine.run(taskId);
      case "cancelled" -> cancel(taskId);
      default -> resolve(taskId);
    }
    JsonNode before = engine.context(taskId);

    assertThatThrownBy(() -> cancel(taskId)).isInstanceOf(TaskerException.State.class).hasMessageContaining(end);
    assertThatThrownBy(() -> resolve(taskId)).isInstanceOf(TaskerException.State.class).hasMessageContaining(end);

    assertThat(engine.context(taskId)).isEqualTo(before);
  }

  @Test
  void nobodysTaskIsNotFound() {
    assertThatThrownBy(() -> cancel(-1)).isInstanceOf(TaskerException.TaskNotFound.class).hasMessage("Task not found: -1");
    assertThatThrownBy(() -> resolve(1L << 60)).isInstanceOf(TaskerException.TaskNotFound.class);
  }

  @Test
  void resolvingATaskKeepsWhatIsDoneAndCancelsTheRest() {
    engine.handlers().on("a", attempt -> Json.of("{\"kept\": 1}")).on("b", attempt -> {
      throw Failed.permanently("no");
    });
    long taskId = engine.task(Workflow.named("w").step("a").step("b", "a").step("c", "b"));
    engine.run(taskId);

    JsonNode answer = resolve(taskId);

    assertThat(answer.get("state").asString()).isEqualTo("resolved_manually");
    JsonNode context = engine.context(taskId);
    assertThat(context.get("status").asString()).isEqualTo("resolved_manually");
    assertThat(context.get("execution_status").asString()).isEqualTo("all_complete");
    assertThat(Engine.step(context, "a").get("result").get("kept").asInt()).isEqualTo(1);
    assertThat(Engine.step(context, "b").get("state").asString()).isEqualTo("cancelled");
    assertThat(Engine.step(context, "c").get("state").asString()).isEqualTo("cancelled");
    assertThat(engine.history(taskId)).containsExactly("in_progress", "error", "resolved_manually(done by phone)");
  }

  @Test
  void resolvingARunningTaskTellsItsHandlers() {
    Gate gate = Gate.closed();
    engine.handlers().on("a", gate);
    long taskId = engine.task(Workflow.named("w").step("a"));
    try (Engine.Background run = engine.inBackground(taskId)) {
      gate.awaitEntered();

      resolve(taskId);

      assertThat(gate.attempt().cancelled()).isTrue();
      gate.awaitInterrupted();
      assertThat(run.outcome().get("status").asString()).isEqualTo("resolved_manually");
    }
  }

  @Test
  void aHandlerInAnotherProcessFindsOutWhenItsLeaseIsRenewed() {
    engine.restart(Map.of("lease_ms", 300));
    Gate gate = Gate.closed();
    engine.handlers().on("a", gate);
    long taskId = engine.task(Workflow.named("w").step("a"));
    Coordinator other = engine.otherProcess("other", new Handlers(), Map.of("lease_ms", 300));
    try (Engine.Background run = engine.inBackground(taskId)) {
      gate.awaitEntered();

      other.operators().cancelTask(taskId, "from afar");

      gate.awaitInterrupted();
      assertThat(gate.attempt().cancelled()).isTrue();
      assertThat(run.outcome().get("status").asString()).isEqualTo("cancelled");
    }
  }
}
