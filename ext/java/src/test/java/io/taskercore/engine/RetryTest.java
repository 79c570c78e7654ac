package io.taskercore.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.taskercore.model.Failure;
import io.taskercore.model.Json;
import io.taskercore.testing.Await;
import io.taskercore.testing.Engine;
import io.taskercore.testing.Handlers.Failed;
import io.taskercore.testing.Workflow;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/** How often a failed step runs again, when, and what its handler knows of it. */
class RetryTest {

  /** Nothing waits that long: what is due later than this was set aside, not run. */
  private static final long FAR_MS = 600_000;

  @RegisterExtension
  final Engine engine = Engine.start();

  @ParameterizedTest
  @ValueSource(ints = {1, 3})
  void maxAttemptsCountsEveryAttemptTheFirstIncluded(int maxAttempts) {
    engine.handlers().on("a", attempt -> {
      throw Failed.transiently("busy");
    });
    long taskId = engine.task(Workflow.named("w").attempts(maxAttempts).step("a"));

    JsonNode outcome = engine.run(taskId);

    assertThat(outcome.get("steps_executed").asInt()).isEqualTo(maxAttempts);
    assertThat(outcome.get("status").asString()).isEqualTo("error");
    JsonNode step = engine.step(taskId, "a");
    assertThat(step.get("state").asString()).isEqualTo("error");
    assertThat(step.get("attempts").asInt()).isEqualTo(maxAttempts);
    assertThat(step.get("next_run_at").isNull()).isTrue();
  }

  @Test
  void theLastAttemptMaySucceed() {
    engine.handlers().on("a", attempt -> {
      if (!attempt.isLast()) {
        throw Failed.transiently("busy");
      }
      return Json.of("{\"ok\": true}");
    });
    long taskId = engine.task(Workflow.named("w").attempts(3).step("a"));

    engine.run(taskId);

    assertThat(engine.history(taskId, "a")).containsExactly(
        "in_progress", "waiting_for_retry(Transient: busy)", "in_progress", "waiting_for_retry(Transient: busy)",
        "in_progress", "complete");
    assertThat(engine.step(taskId, "a").get("error").isNull()).isTrue();
  }

  @Test
  void aPolicyThatIsNotRetryableMakesTheFirstFailureFinal() {
    List<Boolean> last = new CopyOnWriteArrayList<>();
    engine.handlers().on("a", attempt -> {
      last.add(attempt.isLast());
      throw Failed.transiently("busy");
    });
    long taskId = engine.task(Workflow.named("w").stepWith("a", "\"retry\": {\"max_attempts\": 5, \"retryable\": false}"));

    engine.run(taskId);

    assertThat(engine.history(taskId, "a")).containsExactly("in_progress", "error(Transient: busy)");
    assertThat(last).containsExactly(true);
  }

  @Test
  void aPermanentFailureIsFinalWhateverAttemptsAreLeft() {
    engine.handlers().on("a", attempt -> {
      throw Failed.permanently("no");
    });
    long taskId = engine.task(Workflow.named("w").attempts(5).step("a"));

    engine.run(taskId);

    assertThat(engine.history(taskId, "a")).containsExactly("in_progress", "error(declined)");
  }

  @Test
  void anyOtherExceptionIsTriedAgain() {
    engine.handlers().on("a", attempt -> {
      if (attempt.attempt() == 1) {
        throw new IllegalStateException("a bug");
      }
      return Json.EMPTY_OBJECT;
    });
    long taskId = engine.task(Workflow.named("w").step("a"));

    engine.run(taskId);

    assertThat(engine.step(taskId, "a").get("state").asString()).isEqualTo("complete");
    assertThat(engine.step(taskId, "a").get("attempts").asInt()).isEqualTo(2);
  }

  @Test
  void theErrorIsKeptAsTheHandlerToldIt() {
    engine.handlers().on("a", attempt -> {
      throw new Failed(new Failure("Gateway::Declined", "no \"credit\"", "declined", false, null,
          Json.of("{\"amount\": 1e2}"), List.of("gateway.rb:3", "order.rb:7")));
    });
    long taskId = engine.task(Workflow.named("w").step("a"));

    engine.run(taskId);

    assertThat(engine.step(taskId, "a").get("error")).isEqualTo(Engine.tree(Json.of("""
        {"class": "Gateway::Declined", "message": "no \\"credit\\"", "error_code": "declined", "retryable": false,
         "context": {"amount": 1e2}, "backtrace": ["gateway.rb:3", "order.rb:7"]}""")));
  }

  @ParameterizedTest
  @CsvSource({
    "exponential, 600000, 100000000, 600000, 1200000, 2400000",
    "exponential, 600000,   1000000, 600000, 1000000, 1000000",
    "linear,      600000, 100000000, 600000, 1200000, 1800000",
    "linear,      600000,    900000, 600000,  900000,  900000",
    "fixed,       600000, 100000000, 600000,  600000,  600000",
    "fixed,       900000,    600000, 600000,  600000,  600000",
  })
  void theNextRunIsStoredWithExactlyThePolicysDelay(
      String backoff, long baseMs, long maxMs, long first, long second, long third) {
    engine.handlers().on("a", attempt -> {
      throw Failed.transiently("busy");
    });
    long taskId = engine.task(Workflow.named("w").defaults("""
        "retry": {"max_attempts": 9, "backoff": "%s", "base_ms": %d, "max_ms": %d, "jitter": 0}"""
        .formatted(backoff, baseMs, maxMs)).step("a"));

    List<Long> delays = delaysOfTheFirst(3, taskId);

    assertThat(delays).containsExactly(first, second, third);
  }

  @ParameterizedTest
  @CsvSource({
    "1200,   600000, 100000000, 1200000", // longer than the policy's
    "10,     600000, 100000000, 600000", // shorter
    "3600,   600000, 700000,    3600000", // beyond the policy's cap
    "600.0015, 1000, 30000,     600002", // not even by a fraction of a millisecond
  })
  void retryAfterIsNeverShortened(double retryAfter, long baseMs, long maxMs, long delay) {
    engine.handlers().on("a", attempt -> {
      throw Failed.after(retryAfter);
    });
    long taskId = engine.task(Workflow.named("w").defaults("""
        "retry": {"backoff": "fixed", "base_ms": %d, "max_ms": %d, "jitter": 0}""".formatted(baseMs, maxMs)).step("a"));

    assertThat(delaysOfTheFirst(1, taskId)).containsExactly(delay);
  }

  @Test
  void jitterMovesTheDelayBothWaysButNeverBelowRetryAfter() {
    Workflow jittery = Workflow.named("w").defaults("""
        "retry": {"backoff": "fixed", "base_ms": 10000000, "max_ms": 10000000, "jitter": 0.5}""");
    String[] steps = IntStream.range(0, 40).mapToObj(i -> "s" + i).toArray(String[]::new);
    for (String step : steps) {
      jittery.step(step);
      engine.handlers().on(step, attempt -> {
        throw Integer.parseInt(step.substring(1)) < 20 ? Failed.transiently("busy") : Failed.after(10_000);
      });
    }
    long taskId = engine.task(jittery);

    try (Engine.Background run = engine.inBackground(taskId)) {
      for (String step : steps) {
        engine.awaitState(taskId, step, "waiting_for_retry");
      }
      assertThat(run.isOver()).isFalse();
    }

    List<Long> delays = IntStream.range(0, 40).mapToObj(i -> delayMs(taskId, "s" + i)).toList();
    assertThat(delays.subList(0, 20)).allMatch(delay -> delay >= 5_000_000 && delay <= 15_000_000);
    assertThat(delays.subList(0, 20)).anyMatch(delay -> delay < 10_000_000).anyMatch(delay -> delay > 10_000_000);
    assertThat(delays.subList(20, 40)).allMatch(delay -> delay >= 10_000_000 && delay <= 15_000_000);
  }

  @Test
  void aStepDoesNotRunBeforeItsTime() {
    engine.handlers().on("a", attempt -> {
      if (attempt.attempt() == 1) {
        throw Failed.transiently("busy");
      }
      return Json.EMPTY_OBJECT;
    });
    long taskId = engine.task(Workflow.named("w").defaults("""
        "retry": {"backoff": "fixed", "base_ms": 300, "jitter": 0}""").step("a"));

    engine.run(taskId);

    long waitedMs = engine.database().number("""
        SELECT round(extract(epoch FROM max(at) FILTER (WHERE to_state = 'in_progress')
          - max(at) FILTER (WHERE to_state = 'waiting_for_retry')) * 1000)::bigint FROM tasker.transitions""");
    assertThat(waitedMs).isGreaterThanOrEqualTo(300);
    assertThat(engine.status(taskId)).isEqualTo("complete");
  }

  @Test
  void retryLimitsBeatTheTemplateByStepNameAndByHandlerNameAndTheStepsNameIsStronger() {
    engine.restart(Map.of("retry_limits", Map.of("one", 1, "Handler", 2, "both", 4)));
    engine.handlers().on("Handler", attempt -> {
      throw Failed.transiently("busy");
    }).on("Other", attempt -> {
      throw Failed.transiently("busy");
    });
    long taskId = engine.task(Workflow.named("w").attempts(3)
        .stepWith("one", "\"handler\": \"Other\"")
        .stepWith("two", "\"handler\": \"Handler\"")
        .stepWith("both", "\"handler\": \"Handler\"")
        .stepWith("neither", "\"handler\": \"Other\""));

    engine.run(taskId);

    JsonNode context = engine.context(taskId);
    Map<String, Integer> expected = Map.of("one", 1, "two", 2, "both", 4, "neither", 3);
    expected.forEach((step, attempts) -> {
      assertThat(Engine.step(context, step).get("max_attempts").asInt()).as(step).isEqualTo(attempts);
      assertThat(Engine.step(context, step).get("attempts").asInt()).as(step).isEqualTo(attempts);
    });
  }

  @Test
  void retryLimitsAreThoseOfTheTimeWhenTheTaskWasInitialized() {
    engine.handlers().succeed("a");
    long earlier = engine.task(Workflow.named("w").attempts(3).step("a"));
    engine.restart(Map.of("retry_limits", Map.of("a", 7)));
    long later = engine.task(Workflow.named("w").attempts(3).step("a"));

    assertThat(engine.step(earlier, "a").get("max_attempts").asInt()).isEqualTo(3);
    assertThat(engine.step(later, "a").get("max_attempts").asInt()).isEqualTo(7);
  }

  @Test
  void theHandlerKnowsWhichAttemptItIsAndWhetherItIsTheLast() {
    List<String> seen = new CopyOnWriteArrayList<>();
    engine.handlers().on("a", attempt -> {
      seen.add(attempt.attempt() + " of " + attempt.maxAttempts() + (attempt.isLast() ? ", the last" : ""));
      throw Failed.transiently("busy");
    });
    long taskId = engine.task(Workflow.named("w").attempts(3).step("a"));

    engine.run(taskId);

    assertThat(seen).containsExactly("1 of 3", "2 of 3", "3 of 3, the last");
  }

  @Test
  void theIdempotencyKeyIsOneForAllAttemptsAndDiffersBetweenStepsAndTasks() {
    Map<String, List<String>> keys = new ConcurrentHashMap<>();
    for (String step : List.of("a", "b")) {
      engine.handlers().on(step, attempt -> {
        keys.computeIfAbsent(attempt.taskId() + step, id -> new CopyOnWriteArrayList<>()).add(attempt.idempotencyKey());
        throw Failed.transiently("busy");
      });
    }
    Workflow workflow = Workflow.named("w").attempts(3).step("a").step("b");

    engine.run(engine.task(workflow));
    engine.run(engine.task(workflow));

    assertThat(keys).hasSize(4);
    assertThat(keys.values()).allSatisfy(ofOneStep -> assertThat(ofOneStep).hasSize(3).containsOnly(ofOneStep.get(0)));
    assertThat(keys.values().stream().map(ofOneStep -> ofOneStep.get(0))).doesNotHaveDuplicates();
  }

  /** Lets the step fail so often, each time at once, and tells the delays that were stored. */
  private List<Long> delaysOfTheFirst(int failures, long taskId) {
    return IntStream.rangeClosed(1, failures).mapToObj(failure -> {
      try (Engine.Background run = engine.inBackground(taskId)) {
        Await.until("failure " + failure, () -> {
          JsonNode step = engine.step(taskId, "a");
          return step.get("attempts").asInt() == failure && step.get("state").asString().equals("waiting_for_retry");
        });
        assertThat(run.isOver()).isFalse();
      }
      long delay = delayMs(taskId, "a");
      assertThat(delay).isGreaterThanOrEqualTo(FAR_MS);
      engine.makeDue(taskId);
      return delay;
    }).toList();
  }

  private long delayMs(long taskId, String step) {
    return engine.database().number("""
        SELECT round(extract(epoch FROM s.next_run_at - max(l.at)) * 1000)::bigint
        FROM tasker.workflow_steps s
        JOIN tasker.transitions l ON l.step_id = s.step_id AND l.to_state = 'waiting_for_retry'
        JOIN tasker.step_queue q ON q.step_id = s.step_id AND q.run_at = s.next_run_at
        WHERE s.task_id = %d AND s.name = '%s'
        GROUP BY s.step_id, s.next_run_at""".formatted(taskId, step));
  }
}
