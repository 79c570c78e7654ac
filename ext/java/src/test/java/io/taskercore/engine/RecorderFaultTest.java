package io.taskercore.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.taskercore.config.OrchestrationConfig;
import io.taskercore.engine.attempt.HandlerDirectory;
import io.taskercore.model.Json;
import io.taskercore.testing.Engine;
import io.taskercore.testing.Handlers;
import io.taskercore.testing.Workflow;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import tools.jackson.databind.JsonNode;

/** Faults of our own while an outcome is being recorded. */
class RecorderFaultTest {

  @RegisterExtension
  final Engine engine = Engine.start();

  /** The handlers' directory, which the recorder asks for children's handlers, fails for some name from now on. */
  private static final class Directory implements HandlerDirectory {
    private final Handlers handlers;
    private final AtomicInteger faults = new AtomicInteger();
    private volatile String broken = "";

    Directory(Handlers handlers) {
      this.handlers = handlers;
    }

    @Override
    public boolean has(String handler) {
      if (handler.equals(broken) && faults.getAndDecrement() > 0) {
        throw new IllegalStateException("a fault for the test");
      }
      return handlers.has(handler);
    }
  }

  private final Directory directory = new Directory(engine.handlers());
  private final Coordinator coordinator = Coordinator.open(
      OrchestrationConfig.fromJson(Json.of("{\"database_url\": \"" + engine.database().url() + "\", \"environment\": \"test\"}")),
      directory, engine.handlers().queue());

  private JsonNode run(int faults) {
    engine.handlers().succeed("b").on("a", attempt -> {
      directory.faults.set(attempt.attempt() == 1 || faults > 1 ? 1 : 0);
      directory.broken = "b";
      return Json.EMPTY_OBJECT;
    });
    long taskId = engine.task(Workflow.named("w")
        .stepWith("a", "\"retry\": {\"max_attempts\": 3, \"base_ms\": 1}").step("b", "a"));
    Engine.run(coordinator, engine.handlers(), taskId, null);
    JsonNode context = engine.context(taskId);
    coordinator.close();
    return context;
  }

  @Test
  void anAttemptWhoseOutcomeCannotBeRecordedCountsAndIsTriedAgain() {
    JsonNode context = run(1);

    assertThat(context.get("status").asString()).isEqualTo("complete");
    assertThat(Engine.step(context, "a").get("attempts").asInt()).isEqualTo(2);
    assertThat(engine.handlers().ran()).containsExactly("a#1", "a#2", "b#1");
  }

  @Test
  void aFaultThatStaysEndsTheStepWithItsReference() {
    JsonNode context = run(3);

    assertThat(context.get("status").asString()).isEqualTo("error");
    JsonNode error = Engine.step(context, "a").get("error");
    assertThat(error.get("error_code").asString()).isEqualTo("outcome_not_recorded");
    assertThat(error.get("message").asString()).matches("the outcome could not be recorded; the log says why, under \\S+");
    assertThat(engine.handlers().ran()).containsExactly("a#1", "a#2", "a#3");
  }
}
