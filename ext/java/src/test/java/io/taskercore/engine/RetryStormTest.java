package io.taskercore.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.taskercore.model.Json;
import io.taskercore.testing.Engine;
import io.taskercore.testing.Engine.Background;
import io.taskercore.testing.Handlers.Failed;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** An attempt may be claimed before the core has done with the one before it; each must be counted as itself. */
class RetryStormTest {

  @RegisterExtension
  final Engine engine = Engine.start(Map.of("max_parallel_steps", 4, "lease_ms", 300));

  @Test
  void everyRunEndsWhereManyTasksRetryWithoutDelay() {
    engine.handlers().on("Square", attempt -> {
      if (attempt.attempt() < 5) {
        throw Failed.transiently("again");
      }
      return Json.EMPTY_OBJECT;
    });
    engine.coordinator().tasks().registerTemplate(Json.of("""
        {"namespace": "shapes", "name": "storm", "version": "1.0.0",
         "defaults": {"retry": {"max_attempts": 5, "backoff": "none"}},
         "steps": [{"name": "one", "handler": "Square"}, {"name": "two", "handler": "Square", "depends_on": ["one"]}]}"""));

    for (int round = 0; round < 8; round++) {
      List<Background> runs = new ArrayList<>();
      for (int i = 0; i < 32; i++) {
        runs.add(engine.inBackground(engine.task("storm", "{}")));
      }
      assertThat(runs).allSatisfy(run -> assertThat(run.outcome().get("status").asString()).isEqualTo("complete"));
    }
    assertThat(engine.coordinator().runtime().inFlight().all()).isEmpty();
  }
}
