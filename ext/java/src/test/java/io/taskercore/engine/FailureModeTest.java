package io.taskercore.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.taskercore.model.Json;
import io.taskercore.testing.Await;
import io.taskercore.testing.Engine;
import io.taskercore.testing.Gate;
import io.taskercore.testing.Handlers;
import io.taskercore.testing.Handlers.Failed;
import io.taskercore.testing.Workflow;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/** What a permanent failure means for the rest of its task: on_step_failure. */
class FailureModeTest {

  @RegisterExtension
  final Engine engine = Engine.start();

  private final AtomicBoolean mended = new AtomicBoolean();

  /** The step named bad fails for good until it is mended. */
  private void handleBad() {
    engine.handlers().on("bad", attempt -> {
      if (!mended.get()) {
        throw Failed.permanently("no");
      }
      return Json.EMPTY_OBJECT;
    });
  }

  @Test
  void underContinueIndependentBranchesGoOnAndDescendantsStayPending() {
    handleBad();
    engine.handlers().succeed("root", "side", "more");
    long taskId = engine.task(Workflow.named("w")
        .step("root").step("bad", "root").step("child", "bad").step("grandchild", "child")
        .step("side", "root").step("more", "side").step("join", "child", "more"));

    JsonNode outcome = engine.run(taskId);

    assertThat(outcome.get("status").asString()).isEqualTo("error");
    assertThat(engine.state(taskId, "more")).isEqualTo("complete");
    for (String blocked : new String[] {"child", "grandchild", "join"}) {
      assertThat(engine.state(taskId, blocked)).as(blocked).isEqualTo("pending");
    }
  }

  @Test
  void underContinueTheTaskEndsOnlyWhenNothingMoreCanRun() {
    handleBad();
    Gate gate = Gate.closed();
    engine.handlers().on("slow", gate);
    long taskId = engine.task(Workflow.named("w").step("bad").step("slow"));
    try (Engine.Background run = engine.inBackground(taskId)) {
      gate.awaitEntered();
      engine.awaitState(taskId, "bad", "error");

      assertThat(engine.status(taskId)).isEqualTo("in_progress");
      assertThat(gate.attempt().cancelled()).isFalse();
      gate.open();

      assertThat(run.outcome().get("status").asString()).isEqualTo("error");
    }
    assertThat(engine.state(taskId, "slow")).isEqualTo("complete");
  }

  @Test
  void underFailFastEverythingUnstartedIsCancelledAtOnceAndRunningHandlersAreTold() {
    handleBad();
    Gate gate = Gate.closed(attempt -> Json.of("{\"told\": " + attempt.cancelled() + "}"));
    engine.handlers().on("running", gate).on("waiting", attempt -> {
      throw Failed.after(3600);
    });
    Gate first = Gate.closed();
    engine.handlers().on("first", first);
    long taskId = engine.task(Workflow.named("w").failFast()
        .step("running").step("after_running", "running")
        .step("waiting").step("nobodys")
        .step("first").step("bad", "first").step("after_bad", "bad"));
    try (Engine.Background run = engine.inBackground(taskId)) {
      gate.awaitEntered();
      engine.awaitState(taskId, "waiting", "waiting_for_retry");
      assertThat(gate.attempt().cancelled()).isFalse();

      first.open();
      engine.awaitState(taskId, "bad", "error");

      for (String unstarted : new String[] {"waiting", "nobodys", "after_bad", "after_running"}) {
        assertThat(engine.state(taskId, unstarted)).as(unstarted).isEqualTo("cancelled");
      }
      assertThat(engine.history(taskId, "waiting")).endsWith("cancelled(fail_fast)");
      assertThat(engine.state(taskId, "running")).isEqualTo("in_progress");
      assertThat(engine.status(taskId)).isEqualTo("in_progress");
      Await.until("the running handler is told", () -> gate.attempt().cancelled());

      gate.open();
      assertThat(run.outcome().get("status").asString()).isEqualTo("error");
    }
    assertThat(gate.interrupted()).isZero();
    assertThat(engine.state(taskId, "running")).isEqualTo("complete");
    assertThat(engine.step(taskId, "running").get("result").get("told").asBoolean()).isTrue();
    assertThat(engine.state(taskId, "after_running")).isEqualTo("cancelled");
  }

  @Test
  void aRunningStepThatFailsAfterTheTaskHasFailedIsNotTriedAgain() {
    handleBad();
    Gate gate = Gate.closed(attempt -> {
      throw Failed.transiently("me too");
    });
    engine.handlers().on("running", gate);
    Gate first = Gate.closed();
    engine.handlers().on("first", first);
    long taskId = engine.task(Workflow.named("w").failFast().step("running").step("first").step("bad", "first"));
    try (Engine.Background run = engine.inBackground(taskId)) {
      gate.awaitEntered();
      first.open();
      engine.awaitState(taskId, "bad", "error");

      gate.open();

      assertThat(run.outcome().get("status").asString()).isEqualTo("error");
    }
    assertThat(engine.handlers().ran()).containsOnlyOnce("running#1").doesNotContain("running#2");
    assertThat(engine.state(taskId, "running")).isEqualTo("cancelled");
  }

  @Test
  void whatWasClaimedAndNotBegunWhenItsTaskFailedFastNeverRuns() {
    engine.restart(Map.of("max_parallel_steps", 1));
    handleBad();
    AtomicBoolean ran = new AtomicBoolean();
    engine.handlers().on("behind", attempt -> {
      ran.set(true);
      return Json.EMPTY_OBJECT;
    });
    long taskId = engine.task(Workflow.named("w").failFast().step("bad").step("behind"));

    JsonNode outcome = engine.run(taskId);

    assertThat(outcome.get("status").asString()).isEqualTo("error");
    assertThat(engine.state(taskId, "behind")).isEqualTo("cancelled");
    assertThat(engine.step(taskId, "behind").get("attempts").asInt()).isZero();
    assertThat(ran).isFalse();
  }

  @Test
  void aTransientFailureIsNoReasonToFailFast() {
    engine.handlers().succeed("b").on("a", attempt -> {
      if (attempt.attempt() < 3) {
        throw Failed.transiently("busy");
      }
      return Json.EMPTY_OBJECT;
    });
    long taskId = engine.task(Workflow.named("w").failFast().step("a").step("b", "a"));

    JsonNode outcome = engine.run(taskId);

    assertThat(outcome.get("status").asString()).isEqualTo("complete");
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void afterFailFastRetryStepAndResolveStepReviveWhatWasCancelled(boolean byRetry) {
    handleBad();
    engine.handlers().succeed("root", "child", "sibling", "last").off("other");
    long taskId = engine.task(Workflow.named("w").failFast()
        .step("root").step("bad", "root").step("child", "bad").step("other").step("last", "child", "other"));
    engine.run(taskId);
    assertThat(engine.status(taskId)).isEqualTo("error");
    assertThat(engine.state(taskId, "other")).isEqualTo("cancelled");
    mended.set(true);
    engine.handlers().succeed("other");

    long stepId = engine.stepId(taskId, "bad");
    if (byRetry) {
      engine.coordinator().operators().retryStep(stepId);
    } else {
      engine.coordinator().operators().resolveStep(stepId, "by hand", null);
    }

    assertThat(engine.status(taskId)).isEqualTo("in_progress");
    assertThat(engine.state(taskId, "other")).isEqualTo("enqueued");
    assertThat(engine.state(taskId, "child")).isEqualTo(byRetry ? "pending" : "enqueued");
    assertThat(engine.state(taskId, "last")).isEqualTo("pending");
    assertThat(engine.history(taskId, "last")).endsWith("pending(revived)");
    assertThat(engine.run(taskId).get("status").asString()).isEqualTo("complete");
    assertThat(engine.handlers().ran()).containsOnlyOnce("root#1");
  }

  @Test
  void aTaskThatFailsFastTwiceMayBeRevivedTwice() {
    handleBad();
    engine.handlers().succeed("child");
    long taskId = engine.task(Workflow.named("w").failFast().step("bad").step("child", "bad"));
    engine.run(taskId);
    engine.coordinator().operators().retryStep(engine.stepId(taskId, "bad"));
    engine.run(taskId);
    mended.set(true);

    engine.coordinator().operators().retryStep(engine.stepId(taskId, "bad"));

    assertThat(engine.run(taskId).get("status").asString()).isEqualTo("complete");
    assertThat(engine.history(taskId, "child")).containsExactly("cancelled(fail_fast)", "pending(revived)",
        "cancelled(fail_fast)", "pending(revived)", "in_progress", "complete");
  }

  @Test
  void ofTwoFailedStepsTheOneThatIsRetriedMayFailTransientlyOnceMore() {
    Gate both = Gate.closed(attempt -> {
      throw Failed.permanently("no");
    });
    engine.handlers().succeed("child").on("two", both).on("one", attempt -> {
      if (attempt.attempt() == 1) {
        both.awaitEntered();
        throw Failed.permanently("no");
      }
      if (attempt.attempt() == 2) {
        throw Failed.transiently("busy");
      }
      return Json.EMPTY_OBJECT;
    });
    long taskId = engine.task(Workflow.named("w").failFast().step("one").step("two").step("child", "one"));
    try (Engine.Background run = engine.inBackground(taskId)) {
      engine.awaitState(taskId, "one", "error");
      both.open();
      assertThat(run.outcome().get("failed_steps").asInt()).isEqualTo(2);
    }

    engine.coordinator().operators().retryStep(engine.stepId(taskId, "one"));
    JsonNode outcome = engine.run(taskId);

    assertThat(engine.state(taskId, "one")).isEqualTo("complete");
    assertThat(engine.state(taskId, "child")).isEqualTo("complete");
    assertThat(outcome.get("status").asString()).isEqualTo("error");
  }

  @Test
  void runningHandlersInOtherProcessesAreToldWhenTheirTaskFailsFast() {
    handleBad();
    Gate gate = Gate.closed();
    Handlers theirs = new Handlers().on("running", gate);
    Coordinator other = engine.otherProcess("other", theirs, Map.of("lease_ms", 600));
    long taskId = engine.task(Workflow.named("w").failFast().step("running").step("bad"));
    try (Engine.Background theirRun = Engine.inBackground(other, theirs, taskId, null)) {
      gate.awaitEntered();
      try (Engine.Background ourRun = engine.inBackground(taskId)) {
        Await.until("the handler was told", () -> gate.attempt().cancelled());
        gate.open();
        assertThat(ourRun.outcome().get("status").asString()).isEqualTo("error");
      }
      theirRun.outcome();
    }
    assertThat(engine.state(taskId, "running")).isEqualTo("complete");
  }
}
