package io.taskercore.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.taskercore.engine.run.TaskRun;
import io.taskercore.model.Json;
import io.taskercore.testing.Await;
import io.taskercore.testing.Engine;
import io.taskercore.testing.Gate;
import io.taskercore.testing.Handlers.Failed;
import io.taskercore.testing.Workflow;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import tools.jackson.databind.JsonNode;

/** The time that an attempt may take, and the time that a caller is willing to wait. */
class TimeoutTest {

  @RegisterExtension
  final Engine engine = Engine.start();

  private static Workflow timed(long timeoutMs) {
    return Workflow.named("w").stepWith("a", "\"timeout_ms\": " + timeoutMs);
  }

  @Test
  void aHandlerThatTakesTooLongIsInterruptedAndTheNextAttemptIsNotAffected() {
    Gate gate = Gate.closed();
    List<Boolean> interrupted = new CopyOnWriteArrayList<>();
    engine.handlers().on("a", attempt -> {
      if (attempt.attempt() == 1) {
        return gate.call(attempt);
      }
      interrupted.add(Thread.currentThread().isInterrupted() || attempt.cancelled());
      return Json.of("{\"by\": 2}");
    });
    long taskId = engine.task(timed(50));

    JsonNode outcome = engine.run(taskId);

    assertThat(outcome.get("status").asString()).isEqualTo("complete");
    gate.awaitInterrupted();
    assertThat(gate.interrupted()).isEqualTo(1);
    assertThat(gate.attempt().cancelled()).isTrue();
    assertThat(interrupted).containsExactly(false);
    assertThat(engine.history(taskId, "a"))
        .containsExactly("in_progress", "waiting_for_retry(timeout)", "in_progress", "complete");
    assertThat(engine.step(taskId, "a").get("result").get("by").asInt()).isEqualTo(2);
  }

  @Test
  void aTimeoutIsARetryableFailureAndEndsTheStepWithTheLastAttempt() {
    engine.handlers().on("a", Gate.closed());
    long taskId = engine.task(timed(20).attempts(2));

    engine.run(taskId);

    JsonNode step = engine.step(taskId, "a");
    assertThat(engine.history(taskId, "a"))
        .containsExactly("in_progress", "waiting_for_retry(timeout)", "in_progress", "error(timeout)");
    assertThat(step.get("error").get("error_code").asString()).isEqualTo("timeout");
    assertThat(step.get("error").get("retryable").asBoolean()).isTrue();
    assertThat(step.get("error").get("message").asString()).contains("20");
  }

  @Test
  void aSuccessThatComesTooLateIsRefused() {
    Gate deaf = Gate.deaf("{\"late\": true}");
    engine.handlers().on("a", attempt -> attempt.attempt() == 1 ? deaf.call(attempt) : Json.of("{\"late\": false}"));
    long taskId = engine.task(timed(50));

    engine.run(taskId);
    deaf.awaitInterrupted();
    deaf.openAndAwaitLeft();
    engine.handlers().awaitIdle();

    assertThat(deaf.interrupted()).isEqualTo(1);
    assertThat(engine.step(taskId, "a").get("result").get("late").asBoolean()).isFalse();
    assertThat(engine.step(taskId, "a").get("attempts").asInt()).isEqualTo(2);
  }

  @Test
  void aFailureThatComesTooLateIsRefused() {
    Gate deaf = Gate.deaf(attempt -> {
      throw Failed.permanently("too late");
    });
    engine.handlers().on("a", attempt -> attempt.attempt() == 1 ? deaf.call(attempt) : Json.EMPTY_OBJECT);
    long taskId = engine.task(timed(50));

    engine.run(taskId);
    deaf.openAndAwaitLeft();
    engine.handlers().awaitIdle();

    assertThat(engine.status(taskId)).isEqualTo("complete");
    assertThat(engine.history(taskId, "a"))
        .containsExactly("in_progress", "waiting_for_retry(timeout)", "in_progress", "complete");
  }

  @Test
  void stepTimeoutMsAppliesWhereTheTemplateSetsNone() {
    engine.restart(Map.of("step_timeout_ms", 60));
    Gate own = Gate.closed();
    engine.handlers().on("default", Gate.closed()).on("own", own);
    long taskId = engine.task(
        Workflow.named("w").attempts(1).step("default").stepWith("own", "\"timeout_ms\": 60000"));

    try (Engine.Background run = engine.inBackground(taskId)) {
      engine.awaitState(taskId, "default", "error");
      assertThat(engine.state(taskId, "own")).isEqualTo("in_progress");
      own.open();

      run.outcome();
    }

    assertThat(engine.history(taskId, "default")).containsExactly("in_progress", "error(timeout)");
    assertThat(engine.state(taskId, "own")).isEqualTo("complete");
  }

  @Test
  void theHandlerKnowsItsDeadline() {
    List<Duration> left = new CopyOnWriteArrayList<>();
    engine.handlers().on("a", attempt -> {
      left.add(Duration.between(Instant.now(), attempt.deadline()));
      return Json.EMPTY_OBJECT;
    });

    engine.run(engine.task(timed(90_000)));

    assertThat(left).hasSize(1).allSatisfy(
        duration -> assertThat(duration).isBetween(Duration.ofSeconds(30), Duration.ofSeconds(90)));
  }

  @Test
  void aCallWhoseTimeIsUpTellsWhatIsTrueThenWhileTheHandlerGoesOnAndIsRecorded() {
    Gate gate = Gate.closed();
    engine.handlers().on("a", gate).succeed("b");
    long taskId = engine.task(Workflow.named("w").step("a").step("b", "a"));

    JsonNode early = engine.run(taskId, 300L);

    assertThat(early.get("status").asString()).isEqualTo("in_progress");
    assertThat(early.get("execution_status").asString()).isEqualTo("processing");
    assertThat(early.get("steps_executed").asInt()).isEqualTo(1);
    assertThat(early.get("completed_steps").asInt()).isZero();

    gate.open();
    engine.awaitState(taskId, "a", "complete");
    assertThat(gate.interrupted()).isZero();
    assertThat(engine.state(taskId, "b")).isEqualTo("enqueued");

    JsonNode rest = engine.run(taskId);
    assertThat(rest.get("status").asString()).isEqualTo("complete");
    assertThat(rest.get("steps_executed").asInt()).isEqualTo(1);
    assertThat(engine.handlers().ran()).containsExactly("a#1", "b#1");
  }

  @Test
  void aCallWithoutTimeRunsNothing() {
    engine.handlers().succeed("a");
    long taskId = engine.task(Workflow.named("w").step("a"));

    JsonNode outcome = engine.run(taskId, 0L);

    assertThat(outcome.get("status").asString()).isEqualTo("pending");
    assertThat(outcome.get("execution_status").asString()).isEqualTo("has_ready_steps");
    assertThat(engine.handlers().ran()).isEmpty();
  }

  @Test
  void whatWasClaimedButNotBegunWhenTimeIsUpIsGivenBackAndDoesNotCount() {
    engine.restart(Map.of("max_parallel_steps", 1));
    Gate gate = Gate.closed();
    engine.handlers().on("Gate", gate);
    long taskId = engine.task(Workflow.named("w")
        .stepWith("a", "\"handler\": \"Gate\"").stepWith("b", "\"handler\": \"Gate\""));

    engine.run(taskId, 300L);

    engine.awaitState(taskId, "b", "enqueued");
    assertThat(engine.step(taskId, "b").get("attempts").asInt()).isZero();
    assertThat(engine.history(taskId, "b")).containsExactly("in_progress", "enqueued(given_back)");
    gate.open();
    engine.run(taskId);
    assertThat(engine.step(taskId, "b").get("attempts").asInt()).isEqualTo(1);
  }

  @Test
  void whatNoThreadHasTakenWhenTimeIsUpIsGivenBack() throws InterruptedException {
    engine.handlers().succeed("a");
    long taskId = engine.task(Workflow.named("w").step("a"));

    try (TaskRun run = engine.coordinator().tasks().orchestrate(taskId, 300L)) {
      while (!run.await()) {
        // Whoever should start handler threads does not.
      }
    }

    Await.until("the claim is given back", () -> engine.state(taskId, "a").equals("enqueued"));
    assertThat(engine.step(taskId, "a").get("attempts").asInt()).isZero();
    JsonNode outcome = engine.run(taskId);
    assertThat(outcome.get("status").asString()).isEqualTo("complete");
  }
}
