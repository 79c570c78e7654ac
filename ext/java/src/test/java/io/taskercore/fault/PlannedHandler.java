package io.taskercore.fault;

import io.taskercore.engine.attempt.Attempt;
import io.taskercore.fault.Journal.End;
import io.taskercore.model.Json;
import io.taskercore.testing.Handlers;
import io.taskercore.testing.Handlers.Failed;
import java.nio.file.Files;
import java.nio.file.Path;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * The one handler of all worker processes: does what the step's config says (see {@link StepPlan}), and writes down when it begins
 * and how it ends.
 */
final class PlannedHandler implements Handlers.Handler {

  private static final JsonMapper MAPPER = JsonMapper.builder().build();

  /** Longer than any time-out in a plan. */
  private static final long FOR_EVER_MS = 600_000;

  private static final long LOOK_MS = 10;

  private final Journal journal;
  private final Path folder;
  private final String process;

  PlannedHandler(Journal journal, Path folder, String process) {
    this.journal = journal;
    this.folder = folder;
    this.process = process;
  }

  @Override
  public Json call(Attempt attempt) throws Exception {
    journal.begin(attempt.stepId(), attempt.attempt());
    End end = End.FAILED;
    try {
      Json result = follow(tree(attempt.config()), attempt);
      end = End.SUCCEEDED;
      return result;
    } catch (InterruptedException interrupted) {
      end = End.INTERRUPTED;
      throw interrupted;
    } finally {
      journal.end(attempt.stepId(), attempt.attempt(), end);
    }
  }

  private Json follow(JsonNode config, Attempt attempt) throws Exception {
    Thread.sleep(config.path("ms").asLong(0));
    if (config.has("gate")) {
      awaitOpen(config.get("gate").asString());
    }
    if (config.path("deadly").asBoolean(false)) {
      Runtime.getRuntime().halt(134);
    }
    if (attempt.attempt() <= config.path("hangs").asInt(0)) {
      Thread.sleep(FOR_EVER_MS);
    }
    if (attempt.attempt() <= config.path("fails").asInt(0)) {
      throw Failed.transiently("attempt " + attempt.attempt());
    }
    if (config.path("permanent").asBoolean(false)) {
      throw Failed.permanently("for good");
    }
    long sum = 1;
    for (Json result : attempt.parentResults().values()) {
      sum += tree(result).get("sum").asLong();
    }
    return Json.of("{\"sum\": " + sum % StepPlan.MODULUS + ", \"by\": \"" + process + "\"}");
  }

  /** Gates are files, so that the test and all processes see the same ones. */
  private void awaitOpen(String gate) throws InterruptedException {
    while (!Files.exists(folder.resolve("gate-" + gate))) {
      Thread.sleep(LOOK_MS);
    }
  }

  private static JsonNode tree(Json json) {
    return MAPPER.readTree(json.utf8());
  }
}
