package io.taskercore.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.taskercore.model.Json;
import io.taskercore.testing.Engine;
import io.taskercore.testing.Handlers.Failed;
import io.taskercore.testing.Handlers.Handler;
import java.math.BigInteger;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/** Each shape of workflow, happy and unhappy; handlers square the product of what their parents returned. */
class WorkflowShapesTest {

  private static final BigInteger SIX = BigInteger.valueOf(6);

  @RegisterExtension
  final Engine engine = Engine.start();

  @BeforeEach
  void square() {
    engine.handlers().on("Square", SQUARE);
  }

  private static final Handler SQUARE = attempt -> {
    BigInteger product = BigInteger.ONE;
    for (Json result : attempt.parentResults().values()) {
      product = product.multiply(Engine.tree(result).get("n").bigIntegerValue());
    }
    if (attempt.parentResults().isEmpty()) {
      product = Engine.tree(attempt.payload()).get("n").bigIntegerValue();
    }
    return Json.of("{\"n\": " + product.multiply(product) + "}");
  };

  private BigInteger resultOf(JsonNode context, String step) {
    return Engine.step(context, step).get("result").get("n").bigIntegerValue();
  }

  @ParameterizedTest
  @CsvSource({
    "linear, d, 16, 4",
    "diamond, join, 16, 4",
    "tree, join, 64, 8",
    "mixed, finalize, 64, 7",
  })
  void aShapeComputesItsPowerOfSix(String shape, String last, int power, int steps) {
    engine.register(shape);
    long taskId = engine.task(shape, "{\"n\": 6}");

    JsonNode outcome = engine.run(taskId);

    assertThat(outcome.get("status").asString()).isEqualTo("complete");
    assertThat(outcome.get("execution_status").asString()).isEqualTo("all_complete");
    assertThat(outcome.get("steps_executed").asInt()).isEqualTo(steps);
    assertThat(outcome.get("completed_steps").asInt()).isEqualTo(steps);
    assertThat(resultOf(engine.context(taskId), last)).isEqualTo(SIX.pow(power));
  }

  @ParameterizedTest
  @CsvSource({"fan, 202", "chain, 200", "order, 5", "roots, 3"})
  void aShapeCompletes(String shape, int steps) {
    engine.handlers().on("Square", attempt -> Json.EMPTY_OBJECT);
    engine.register(shape);

    JsonNode outcome = engine.run(engine.task(shape, "{}"));

    assertThat(outcome.get("status").asString()).isEqualTo("complete");
    assertThat(outcome.get("completed_steps").asInt()).isEqualTo(steps);
  }

  @ParameterizedTest
  @ValueSource(strings = {"linear", "diamond", "tree", "mixed", "order", "roots", "fan"})
  void everyStepRecoversFromATransientFailure(String shape) {
    Map<Long, AtomicInteger> calls = new ConcurrentHashMap<>();
    engine.handlers().on("Square", attempt -> {
      if (calls.computeIfAbsent(attempt.stepId(), id -> new AtomicInteger()).incrementAndGet() < 3) {
        throw Failed.transiently("try again");
      }
      return Json.EMPTY_OBJECT;
    });
    engine.register(shape);
    long taskId = engine.task(shape, "{}");

    JsonNode outcome = engine.run(taskId);

    assertThat(outcome.get("status").asString()).isEqualTo("complete");
    assertThat(engine.context(taskId).get("steps")).allSatisfy(step -> {
      assertThat(step.get("attempts").asInt()).isEqualTo(3);
      assertThat(step.get("error").isNull()).isTrue();
    });
  }

  @ParameterizedTest
  @CsvSource({
    "linear, a, 0, 3", "linear, b, 1, 2", "linear, d, 3, 0",
    "diamond, start, 0, 3", "diamond, left, 2, 1", "diamond, join, 3, 0",
    "tree, root, 0, 7", "tree, left, 4, 3", "tree, join, 7, 0",
    "mixed, init, 0, 6", "mixed, left, 3, 3", "mixed, finalize, 6, 0",
    "order, validate, 0, 4", "order, payment, 2, 2", "order, ship, 4, 0",
    "roots, two, 2, 0",
  })
  void aPermanentFailureStopsWhatDependsOnItAndNothingElse(String shape, String failing, int completed, int pending) {
    engine.handlers().on("Square", attempt -> {
      if (attempt.stepName().equals(failing)) {
        throw Failed.permanently("no way");
      }
      return Json.EMPTY_OBJECT;
    });
    engine.register(shape);
    long taskId = engine.task(shape, "{}");

    JsonNode outcome = engine.run(taskId);

    assertThat(outcome.get("status").asString()).isEqualTo("error");
    assertThat(outcome.get("execution_status").asString()).isEqualTo("blocked_by_failures");
    JsonNode context = engine.context(taskId);
    assertThat(context.get("completed_steps").asInt()).isEqualTo(completed);
    assertThat(context.get("failed_steps").asInt()).isEqualTo(1);
    assertThat(context.get("pending_steps").asInt()).isEqualTo(pending);
    assertThat(Engine.step(context, failing).get("attempts").asInt()).isEqualTo(1);
    assertThat(Engine.step(context, failing).get("error").get("message").asString()).isEqualTo("no way");
  }

  @ParameterizedTest
  @ValueSource(strings = {"linear", "diamond", "tree", "mixed", "order", "roots"})
  void exhaustedAttemptsEndTheTaskInError(String shape) {
    engine.handlers().on("Square", attempt -> {
      throw Failed.transiently("never");
    });
    engine.register(shape);
    long taskId = engine.task(shape, "{}");

    JsonNode outcome = engine.run(taskId);

    int roots = shape.equals("roots") ? 3 : 1;
    assertThat(outcome.get("status").asString()).isEqualTo("error");
    assertThat(outcome.get("failed_steps").asInt()).isEqualTo(roots);
    assertThat(outcome.get("steps_executed").asInt()).isEqualTo(3 * roots);
  }

  @Test
  void threeIndependentRootsEndInTheirOwnWays() {
    engine.handlers().on("Square", attempt -> switch (attempt.stepName()) {
      case "one" -> Json.of("{\"fine\": true}");
      case "two" -> throw Failed.permanently("declined");
      default -> {
        if (attempt.attempt() == 1) {
          throw Failed.transiently("once");
        }
        yield Json.EMPTY_OBJECT;
      }
    });
    engine.register("roots");
    long taskId = engine.task("roots", "{}");

    JsonNode outcome = engine.run(taskId);

    assertThat(outcome.get("status").asString()).isEqualTo("error");
    JsonNode context = engine.context(taskId);
    assertThat(Engine.step(context, "one").get("state").asString()).isEqualTo("complete");
    assertThat(Engine.step(context, "two").get("state").asString()).isEqualTo("error");
    assertThat(Engine.step(context, "three").get("state").asString()).isEqualTo("complete");
    assertThat(Engine.step(context, "three").get("attempts").asInt()).isEqualTo(2);
  }

  @Test
  void independentStepsRunInParallelUpToTheLimit() {
    engine.restart(Map.of("max_parallel_steps", 4));
    java.util.concurrent.CyclicBarrier four = new java.util.concurrent.CyclicBarrier(4);
    engine.handlers().on("Square", attempt -> {
      if (attempt.stepName().startsWith("part_")) {
        four.await(20, java.util.concurrent.TimeUnit.SECONDS);
      }
      return Json.EMPTY_OBJECT;
    });
    engine.register("fan");

    JsonNode outcome = engine.run(engine.task("fan", "{}"));

    assertThat(outcome.get("status").asString()).isEqualTo("complete");
    assertThat(engine.handlers().mostRunning()).isEqualTo(4);
  }
}
