package io.taskercore.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.taskercore.engine.run.TaskRun;
import io.taskercore.model.Json;
import io.taskercore.model.TaskerException;
import io.taskercore.testing.Engine;
import io.taskercore.testing.Gate;
import io.taskercore.testing.Workflow;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import tools.jackson.databind.JsonNode;

/** Runs that create their task: the first steps are claimed in the transaction that writes them. */
class HandleTaskTest {

  @RegisterExtension
  final Engine engine = Engine.start();

  private JsonNode handle(String request) {
    return engine.handle(Json.of(request));
  }

  @Test
  void theTaskBeginsInTheTransactionThatCreatesIt() {
    engine.handlers().succeed("a", "b");
    engine.register(Workflow.named("w").step("a").step("b", "a"));

    JsonNode outcome = handle("{\"task_name\": \"w\"}");

    long taskId = outcome.get("task_id").asLong();
    assertThat(outcome.get("status").asString()).isEqualTo("complete");
    assertThat(outcome.get("created").asBoolean()).isTrue();
    assertThat(outcome.get("steps_executed").asInt()).isEqualTo(2);
    assertThat(engine.history(taskId, "a")).containsExactly("in_progress", "complete");
    assertThat(engine.history(taskId)).containsExactly("in_progress", "complete");
    assertThat(engine.database().value("SELECT count(DISTINCT xmin::text) FROM tasker.transitions WHERE to_state = 'in_progress' AND"
        + " (step_id IS NULL OR step_id & 65535 = 0)")).isEqualTo("1");
  }

  @Test
  void moreRootsThanThereIsRoomForGoThroughTheQueue() {
    engine.restart(Map.of("max_parallel_steps", 2));
    engine.register("roots");
    engine.handlers().on("Square", attempt -> Json.EMPTY_OBJECT);

    JsonNode outcome = handle("{\"namespace\": \"shapes\", \"task_name\": \"roots\"}");

    assertThat(outcome.get("status").asString()).isEqualTo("complete");
    assertThat(outcome.get("completed_steps").asInt()).isEqualTo(outcome.get("total_steps").asInt());
  }

  @Test
  void whatHasNoHandlerHereIsLeftInTheQueue() {
    engine.handlers().succeed("a");
    engine.register(Workflow.named("w").step("a").step("missing"));

    JsonNode outcome = handle("{\"task_name\": \"w\"}");

    long taskId = outcome.get("task_id").asLong();
    assertThat(outcome.get("status").asString()).isEqualTo("in_progress");
    assertThat(engine.state(taskId, "a")).isEqualTo("complete");
    assertThat(engine.state(taskId, "missing")).isEqualTo("enqueued");
  }

  @Test
  void aTaskForLaterIsNotBegun() {
    engine.handlers().succeed("a");
    engine.register(Workflow.named("w").step("a"));
    TaskRun run = engine.coordinator().tasks().handle(
        Json.of("{\"task_name\": \"w\", \"run_at\": \"2199-01-01T00:00:00Z\"}"), 50L);

    JsonNode outcome = engine.finish(run);

    assertThat(outcome.get("status").asString()).isEqualTo("pending");
    assertThat(outcome.get("next_run_at").asString()).isEqualTo("2199-01-01T00:00:00.000Z");
    assertThat(engine.state(outcome.get("task_id").asLong(), "a")).isEqualTo("enqueued");
  }

  @Test
  void anIdempotencyKeyFindsTheFirstTaskAndItsEnd() {
    engine.handlers().succeed("a");
    engine.register(Workflow.named("w").step("a"));
    String request = "{\"task_name\": \"w\", \"idempotency_key\": \"k\", \"payload\": {\"n\": 1}}";
    JsonNode first = handle(request);

    JsonNode second = handle(request);

    assertThat(first.get("created").asBoolean()).isTrue();
    assertThat(second.get("created").asBoolean()).isFalse();
    assertThat(second.get("task_id")).isEqualTo(first.get("task_id"));
    assertThat(second.get("status").asString()).isEqualTo("complete");
    assertThat(second.get("steps_executed").asInt()).isZero();
    assertThatThrownBy(() -> handle(request.replace("1}", "2}"))).isInstanceOf(TaskerException.IdempotencyConflict.class);
  }

  @Test
  void theKeyOfATaskOfAnEarlierVersionRunsThatOne() {
    engine.handlers().succeed("a", "b", "c");
    engine.register(Workflow.named("w").step("a").step("b", "a").step("c", "b"));
    String request = "{\"task_name\": \"w\", \"idempotency_key\": \"k\"}";
    long taskId = engine.initialize(request).get("task_id").asLong();
    engine.register(Workflow.named("w").version("2.0.0").step("a"));

    JsonNode outcome = handle(request);

    assertThat(outcome.get("task_id").asLong()).isEqualTo(taskId);
    assertThat(outcome.get("completed_steps").asInt()).isEqualTo(3);
    assertThat(outcome.get("total_steps").asInt()).isEqualTo(3);
    assertThat(engine.handlers().ran()).containsExactly("a#1", "b#1", "c#1");
  }

  @Test
  void theKeyOfATaskThatStillRunsJoinsItsRun() {
    Gate gate = Gate.closed();
    engine.handlers().on("a", gate).succeed("b");
    engine.register(Workflow.named("w").step("a").step("b", "a"));
    Json request = Json.of("{\"task_name\": \"w\", \"idempotency_key\": \"k\"}");
    try (Engine.Background first = engine.inBackground(engine.coordinator().tasks().handle(request, null))) {
      gate.awaitEntered();
      try (Engine.Background second = engine.inBackground(engine.coordinator().tasks().handle(request, null))) {
        gate.open();

        assertThat(second.outcome().get("status").asString()).isEqualTo("complete");
        assertThat(second.outcome().get("created").asBoolean()).isFalse();
        assertThat(first.outcome().get("created").asBoolean()).isTrue();
      }
    }
    assertThat(engine.handlers().ran()).containsExactly("a#1", "b#1");
  }
}
