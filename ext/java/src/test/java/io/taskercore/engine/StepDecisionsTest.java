package io.taskercore.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.taskercore.model.Json;
import io.taskercore.model.TaskerException;
import io.taskercore.testing.Engine;
import io.taskercore.testing.Gate;
import io.taskercore.testing.Handlers.Failed;
import io.taskercore.testing.Workflow;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/** What people do to single steps: retry_step and resolve_step. */
class StepDecisionsTest {

  @RegisterExtension
  final Engine engine = Engine.start();

  private JsonNode retry(long taskId, String step) {
    return Engine.tree(engine.coordinator().operators().retryStep(engine.stepId(taskId, step)));
  }

  private JsonNode resolve(long taskId, String step, String result) {
    return Engine.tree(engine.coordinator().operators().resolveStep(
        engine.stepId(taskId, step), "by hand", result == null ? null : Json.of(result)));
  }

  /** a fails until it is mended; b runs after it, and tells what it read of a. */
  private AtomicBoolean brokenThenMended() {
    AtomicBoolean mended = new AtomicBoolean();
    engine.handlers()
        .on("a", attempt -> {
          if (!mended.get()) {
            throw Failed.transiently("broken");
          }
          return Json.of("{\"by\": \"a\"}");
        })
        .on("b", attempt -> attempt.parentResults().get("a"));
    return mended;
  }

  @Test
  void retryStepBringsATaskInErrorBackToLifeWithOneAttemptMore() {
    AtomicBoolean mended = brokenThenMended();
    long taskId = engine.task(Workflow.named("w").attempts(2).step("a").step("b", "a"));
    engine.run(taskId);
    mended.set(true);

    JsonNode answer = retry(taskId, "a");

    assertThat(answer.get("state").asString()).isEqualTo("enqueued");
    assertThat(answer.get("task_id").asLong()).isEqualTo(taskId);
    assertThat(answer.get("step_id").asLong()).isEqualTo(engine.stepId(taskId, "a"));
    assertThat(engine.step(taskId, "a").get("max_attempts").asInt()).isEqualTo(3);
    assertThat(engine.step(taskId, "a").get("attempts").asInt()).isEqualTo(2);
    assertThat(engine.status(taskId)).isEqualTo("in_progress");
    assertThat(engine.context(taskId).get("completed_at").isNull()).isTrue();

    assertThat(engine.run(taskId).get("status").asString()).isEqualTo("complete");
    assertThat(engine.step(taskId, "a").get("attempts").asInt()).isEqualTo(3);
    assertThat(engine.history(taskId)).containsExactly("in_progress", "error", "in_progress(retry_step)", "complete");
  }

  @Test
  void retryStepGrantsExactlyOneAttempt() {
    brokenThenMended();
    long taskId = engine.task(Workflow.named("w").attempts(1).step("a").step("b", "a"));
    engine.run(taskId);

    retry(taskId, "a");
    JsonNode outcome = engine.run(taskId);

    assertThat(outcome.get("status").asString()).isEqualTo("error");
    assertThat(outcome.get("steps_executed").asInt()).isEqualTo(1);
    assertThat(engine.history(taskId, "a")).containsExactly(
        "in_progress", "error(Transient: broken)", "enqueued(retry_step)", "in_progress", "error(Transient: broken)");
  }

  @Test
  void retryStepOnAStepThatWaitsLetsItRunAtOnce() {
    engine.handlers().on("a", attempt -> {
      if (attempt.attempt() == 1) {
        throw Failed.after(3600);
      }
      return Json.EMPTY_OBJECT;
    });
    long taskId = engine.task(Workflow.named("w").attempts(2).step("a"));
    try (Engine.Background run = engine.inBackground(taskId)) {
      engine.awaitState(taskId, "a", "waiting_for_retry");

      retry(taskId, "a");

      assertThat(run.outcome().get("status").asString()).isEqualTo("complete");
    }
    assertThat(engine.step(taskId, "a").get("max_attempts").asInt()).isEqualTo(3);
    assertThat(engine.history(taskId)).containsExactly("in_progress", "complete");
  }

  @Test
  void oneOfTwoFailedStepsMayBeRetriedAlone() {
    AtomicBoolean mended = brokenThenMended();
    engine.handlers().on("c", attempt -> {
      throw Failed.permanently("never");
    });
    long taskId = engine.task(Workflow.named("w").attempts(1).step("a").step("b", "a").step("c"));
    engine.run(taskId);
    mended.set(true);

    retry(taskId, "a");
    JsonNode outcome = engine.run(taskId);

    assertThat(outcome.get("status").asString()).isEqualTo("error");
    assertThat(outcome.get("completed_steps").asInt()).isEqualTo(2);
    assertThat(outcome.get("failed_steps").asInt()).isEqualTo(1);
  }

  @Test
  void onlyAStepInErrorOrWaitingCanBeRetried() {
    Gate gate = Gate.closed();
    engine.handlers().succeed("a").on("b", gate);
    long taskId = engine.task(Workflow.named("w").step("a").step("b", "a").step("c", "b"));
    assertThatThrownBy(() -> retry(taskId, "a")).isInstanceOf(TaskerException.State.class).hasMessageContaining("enqueued");
    try (Engine.Background run = engine.inBackground(taskId)) {
      gate.awaitEntered();

      assertThatThrownBy(() -> retry(taskId, "a")).isInstanceOf(TaskerException.State.class).hasMessageContaining("complete");
      assertThatThrownBy(() -> retry(taskId, "b")).isInstanceOf(TaskerException.State.class).hasMessageContaining("in_progress");
      assertThatThrownBy(() -> retry(taskId, "c")).isInstanceOf(TaskerException.State.class).hasMessageContaining("pending");
      gate.open();
      run.outcome();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"cancelled", "resolved_manually"})
  void nothingOfATaskThatHasEndedForGoodCanBeRetriedOrResolved(String end) {
    brokenThenMended();
    long taskId = engine.task(Workflow.named("w").attempts(1).step("a").step("b", "a"));
    engine.run(taskId);
    if (end.equals("cancelled")) {
      engine.coordinator().operators().cancelTask(taskId, null);
    } else {
      engine.coordinator().operators().resolveTask(taskId, null);
    }
    JsonNode before = engine.context(taskId);

    for (String step : new String[] {"a", "b"}) {
      assertThatThrownBy(() -> retry(taskId, step)).isInstanceOf(TaskerException.State.class);
      assertThatThrownBy(() -> resolve(taskId, step, null)).isInstanceOf(TaskerException.State.class);
    }

    assertThat(engine.context(taskId)).isEqualTo(before);
  }

  @Test
  void nobodysStepIsNotFound() {
    long taskId = engine.task(Workflow.named("w").step("a"));
    long beyond = engine.stepId(taskId, "a") + 1;

    assertThatThrownBy(() -> engine.coordinator().operators().retryStep(beyond)).isInstanceOf(TaskerException.StepNotFound.class);
    assertThatThrownBy(() -> engine.coordinator().operators().retryStep(-1)).isInstanceOf(TaskerException.StepNotFound.class);
    assertThatThrownBy(() -> engine.coordinator().operators().resolveStep(beyond, null, null))
        .isInstanceOf(TaskerException.StepNotFound.class);
  }

  @Test
  void aResolvedStepsResultIsWhatItsChildrenRead() {
    brokenThenMended();
    long taskId = engine.task(Workflow.named("w").attempts(1).step("a").step("b", "a"));
    engine.run(taskId);

    JsonNode answer = resolve(taskId, "a", "{\"by\": \"hand\", \"n\": 1.0}");
    JsonNode outcome = engine.run(taskId);

    assertThat(answer.get("state").asString()).isEqualTo("resolved_manually");
    assertThat(outcome.get("status").asString()).isEqualTo("complete");
    assertThat(engine.database().value("SELECT result FROM tasker.workflow_steps WHERE name = 'b'"))
        .isEqualTo("{\"by\": \"hand\", \"n\": 1.0}");
    assertThat(engine.history(taskId, "a"))
        .containsExactly("in_progress", "error(Transient: broken)", "resolved_manually(by hand)");
    assertThat(engine.history(taskId)).containsExactly("in_progress", "error", "in_progress(resolve_step)", "complete");
  }

  @Test
  void withoutAResultTheChildrenReadAnEmptyOne() {
    brokenThenMended();
    long taskId = engine.task(Workflow.named("w").attempts(1).step("a").step("b", "a"));
    engine.run(taskId);

    resolve(taskId, "a", null);
    engine.run(taskId);

    assertThat(engine.database().value("SELECT result FROM tasker.workflow_steps WHERE name = 'b'")).isEqualTo("{}");
    assertThat(engine.step(taskId, "a").get("result").isNull()).isTrue();
  }

  @Test
  void anEnqueuedStepThatIsResolvedDoesNotRun() {
    brokenThenMended();
    long taskId = engine.task(Workflow.named("w").step("a").step("b", "a"));

    resolve(taskId, "a", "{\"by\": \"hand\"}");
    engine.run(taskId);

    assertThat(engine.handlers().ran()).containsExactly("b#1");
    assertThat(engine.status(taskId)).isEqualTo("complete");
  }

  @Test
  void aPendingStepThatIsResolvedDoesNotRunAndLeavesItsParentsToRun() {
    engine.handlers().succeed("a", "b", "c");
    long taskId = engine.task(Workflow.named("w").step("a").step("b", "a").step("c", "b").step("d", "a", "b"));

    resolve(taskId, "b", null);

    assertThat(engine.state(taskId, "a")).isEqualTo("enqueued");
    assertThat(engine.state(taskId, "c")).isEqualTo("enqueued");
    assertThat(engine.state(taskId, "d")).isEqualTo("pending");
    engine.handlers().succeed("d");
    assertThat(engine.run(taskId).get("status").asString()).isEqualTo("complete");
    assertThat(engine.handlers().ran()).containsExactlyInAnyOrder("a#1", "c#1", "d#1");
  }

  @Test
  void aStepThatWaitsForItsRetryMayBeResolved() {
    engine.handlers().on("a", attempt -> {
      throw Failed.after(3600);
    });
    long taskId = engine.task(Workflow.named("w").step("a"));
    try (Engine.Background run = engine.inBackground(taskId)) {
      engine.awaitState(taskId, "a", "waiting_for_retry");

      resolve(taskId, "a", null);

      assertThat(run.outcome().get("status").asString()).isEqualTo("complete");
    }
    assertThat(engine.step(taskId, "a").get("next_run_at").isNull()).isTrue();
  }

  @Test
  void resolvingTheLastStepCompletesAnUnbegunTaskThroughInProgress() {
    long taskId = engine.task(Workflow.named("w").step("a"));

    resolve(taskId, "a", null);

    assertThat(engine.history(taskId)).containsExactly("in_progress(resolve_step)", "complete(resolve_step)");
    assertThat(engine.context(taskId).get("completed_at").isNull()).isFalse();
  }

  @Test
  void resolvingOneOfTwoFailuresLeavesTheTaskInErrorUntilTheOtherIsResolved() {
    engine.handlers().on("a", attempt -> {
      throw Failed.permanently("no");
    }).on("b", attempt -> {
      throw Failed.permanently("no");
    });
    long taskId = engine.task(Workflow.named("w").step("a").step("b"));
    engine.run(taskId);

    resolve(taskId, "a", null);
    assertThat(engine.status(taskId)).isEqualTo("error");
    resolve(taskId, "b", null);

    assertThat(engine.status(taskId)).isEqualTo("complete");
  }

  @Test
  void aDecisionOnOneStepDoesNotEndATaskOfWhichAnotherWaits() {
    engine.handlers().on("a", attempt -> {
      throw Failed.after(3600);
    });
    long taskId = engine.task(Workflow.named("w").step("a").step("b"));
    try (Engine.Background run = engine.inBackground(taskId)) {
      engine.awaitState(taskId, "a", "waiting_for_retry");

      resolve(taskId, "b", null);

      assertThat(engine.status(taskId)).isEqualTo("in_progress");
      assertThat(run.isOver()).isFalse();
    }
  }

  @Test
  void aStepInProgressOrDoneCannotBeResolved() {
    Gate gate = Gate.closed();
    engine.handlers().succeed("a").on("b", gate);
    long taskId = engine.task(Workflow.named("w").step("a").step("b", "a"));
    try (Engine.Background run = engine.inBackground(taskId)) {
      gate.awaitEntered();

      assertThatThrownBy(() -> resolve(taskId, "a", null)).isInstanceOf(TaskerException.State.class);
      assertThatThrownBy(() -> resolve(taskId, "b", null)).isInstanceOf(TaskerException.State.class);
      gate.open();

      assertThat(run.outcome().get("status").asString()).isEqualTo("complete");
    }
    assertThatThrownBy(() -> resolve(taskId, "b", null)).isInstanceOf(TaskerException.State.class);
  }

  @Test
  void aStepThatWasResolvedCannotBeResolvedAgain() {
    engine.handlers().on("b", Gate.closed());
    long taskId = engine.task(Workflow.named("w").step("a").step("b"));
    resolve(taskId, "a", "{\"first\": true}");

    assertThatThrownBy(() -> resolve(taskId, "a", "{\"first\": false}")).isInstanceOf(TaskerException.State.class);

    assertThat(engine.step(taskId, "a").get("result").get("first").asBoolean()).isTrue();
  }
}
