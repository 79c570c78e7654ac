package io.taskercore.engine.task;

import io.taskercore.model.ClaimedStep;
import io.taskercore.model.Json;
import io.taskercore.model.StepDefinition;
import io.taskercore.model.TaskFacts;
import io.taskercore.model.TaskTemplate;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;

/**
 * What this process knows of a task while it works on it, so that a child that is handed over needs nothing from the database. Lives as
 * long as an attempt or a run refers to it.
 */
public final class CachedTask {

  /** Larger results are not kept, but read again. */
  private static final int KEPT_BYTES = 64 * 1024;

  private final TaskFacts facts;
  private final TaskTemplate template;
  private final Map<Long, Json> results = new ConcurrentHashMap<>();

  /** Attempts in flight, and hand-overs under way. Only {@link TaskCache} reads and changes it, one thread at a time. */
  int users;

  public CachedTask(TaskFacts facts, TaskTemplate template) {
    this.facts = facts;
    this.template = template;
  }

  public TaskFacts facts() {
    return facts;
  }

  public TaskTemplate template() {
    return template;
  }

  public StepDefinition definition(ClaimedStep step) {
    return template.steps().get(step.ordinal());
  }

  public String stepName(long stepId) {
    return template.steps().get(ClaimedStep.ordinalOf(stepId)).name();
  }

  public String handlerOf(int ordinal) {
    return template.steps().get(ordinal).handler();
  }

  /** How many processes may die under a step; null if the step sets no number. */
  public Integer maxCrashesOf(int ordinal) {
    return template.steps().get(ordinal).maxCrashes();
  }

  public List<Integer> parentsOf(int ordinal) {
    return template.steps().get(ordinal).parents();
  }

  /** The ordinals of all steps that a step depends on, directly or through others. The keys are their names; they are in their order. */
  public Map<String, Integer> ancestorsOf(int ordinal) {
    SortedSet<Integer> ordinals = new TreeSet<>();
    Deque<Integer> open = new ArrayDeque<>(parentsOf(ordinal));
    while (!open.isEmpty()) {
      int next = open.pop();
      if (ordinals.add(next)) {
        open.addAll(parentsOf(next));
      }
    }
    Map<String, Integer> byName = new LinkedHashMap<>();
    ordinals.forEach(ancestor -> byName.put(template.steps().get(ancestor).name(), ancestor));
    return byName;
  }

  /** The result of a step, if it is at hand. */
  Optional<Json> resultOf(long stepId) {
    return Optional.ofNullable(results.get(stepId));
  }

  public void remember(long stepId, Json result) {
    if (result.size() <= KEPT_BYTES) {
      results.put(stepId, result);
    }
  }

  /** Ids of the parents whose results are not at hand. */
  public List<Long> missingFor(ClaimedStep step) {
    return step.parents().stream()
        .map(ordinal -> ClaimedStep.stepId(step.taskId(), ordinal))
        .filter(stepId -> !results.containsKey(stepId))
        .toList();
  }

  /** The parents' results by the parents' names; {@code {}} for a parent that ended without a result. */
  public Map<String, Json> parentResults(ClaimedStep step, Map<Long, Json> loaded) {
    Map<String, Json> byName = new LinkedHashMap<>();
    for (int ordinal : step.parents()) {
      long stepId = ClaimedStep.stepId(step.taskId(), ordinal);
      Json result = results.getOrDefault(stepId, loaded.getOrDefault(stepId, Json.EMPTY_OBJECT));
      byName.put(template.steps().get(ordinal).name(), result);
    }
    return byName;
  }
}
