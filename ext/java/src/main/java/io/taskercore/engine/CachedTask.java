package io.taskercore.engine;

import io.taskercore.model.ClaimedStep;
import io.taskercore.model.Json;
import io.taskercore.model.StepDefinition;
import io.taskercore.model.TaskFacts;
import io.taskercore.model.TaskTemplate;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * What this process knows of a task while it works on it: so that a child handed over needs nothing from the database. Lives as
 * long as an attempt or a run refers to it.
 */
final class CachedTask {

  /** Larger results are read again rather than kept. */
  private static final int KEPT_BYTES = 64 * 1024;

  private final TaskFacts facts;
  private final TaskTemplate template;
  private final Map<Long, Json> results = new ConcurrentHashMap<>();

  /** Attempts in flight; {@link TaskCache} alone reads and changes it, one at a time. */
  int users;

  CachedTask(TaskFacts facts, TaskTemplate template) {
    this.facts = facts;
    this.template = template;
  }

  TaskFacts facts() {
    return facts;
  }

  TaskTemplate template() {
    return template;
  }

  StepDefinition definition(ClaimedStep step) {
    return template.steps().get(step.ordinal());
  }

  String stepName(long stepId) {
    return template.steps().get(ClaimedStep.ordinalOf(stepId)).name();
  }

  String handlerOf(int ordinal) {
    return template.steps().get(ordinal).handler();
  }

  List<Integer> parentsOf(int ordinal) {
    return template.steps().get(ordinal).parents();
  }

  void remember(long stepId, Json result) {
    if (result.size() <= KEPT_BYTES) {
      results.put(stepId, result);
    }
  }

  /** Ids of the parents whose results are not at hand. */
  List<Long> missingFor(ClaimedStep step) {
    return step.parents().stream()
        .map(ordinal -> ClaimedStep.stepId(step.taskId(), ordinal))
        .filter(stepId -> !results.containsKey(stepId))
        .toList();
  }

  /** The parents' results by the parents' names; {@code {}} for one that ended without. */
  Map<String, Json> parentResults(ClaimedStep step, Map<Long, Json> loaded) {
    Map<String, Json> byName = new LinkedHashMap<>();
    for (int ordinal : step.parents()) {
      long stepId = ClaimedStep.stepId(step.taskId(), ordinal);
      Json result = results.getOrDefault(stepId, loaded.getOrDefault(stepId, Json.EMPTY_OBJECT));
      byName.put(template.steps().get(ordinal).name(), result);
    }
    return byName;
  }
}
