package io.taskercore.model;

import java.util.List;

/**
 * One step of a template. Ordinals are positions in {@link TaskTemplate#steps()}, which is in topological order: parents come
 * before their children.
 *
 * @param name unique within the template
 * @param handler the name under which a process looks for the handler
 * @param parents ordinals of the steps that must be satisfied first, ascending
 * @param children ordinals of the steps that wait for this one, ascending
 * @param config a JSON object, handed to the handler as it is
 * @param retry when a failure is tried again
 * @param timeoutMs how long one attempt may run, in milliseconds; null: the {@code step_timeout_ms} of the process that runs it
 * @param maxCrashes how many processes may die under the step; null: the {@code max_crashes} of the configuration
 */
public record StepDefinition(
    String name,
    String handler,
    List<Integer> parents,
    List<Integer> children,
    Json config,
    RetryPolicy retry,
    Long timeoutMs,
    Integer maxCrashes) {

  public StepDefinition {
    parents = List.copyOf(parents);
    children = List.copyOf(children);
  }

  public boolean isRoot() {
    return parents.isEmpty();
  }
}
