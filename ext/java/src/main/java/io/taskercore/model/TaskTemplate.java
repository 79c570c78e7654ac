package io.taskercore.model;

import java.util.List;
import java.util.Optional;

/**
 * A validated workflow: a DAG of steps under a name and a version.
 *
 * @param namespace groups templates; {@code default} if none was given
 * @param name unique within the namespace
 * @param version a semantic version
 * @param onStepFailure what a permanent failure means for the rest of the task
 * @param inputSchema the JSON Schema (2020-12) that payloads must satisfy
 * @param steps 1 to 1,000 of them, parents before children
 * @param document the template in its own format with the environment's overrides applied. Reading it again gives the same template, and
 *     equal templates have equal documents
 */
public record TaskTemplate(
    String namespace,
    String name,
    String version,
    FailureMode onStepFailure,
    Optional<Json> inputSchema,
    List<StepDefinition> steps,
    Json document) {

  public static final int MAX_STEPS = 1_000;

  public TaskTemplate {
    steps = List.copyOf(steps);
  }

  /** The names of the handlers that the steps ask for, each once. */
  public List<String> handlerNames() {
    return steps.stream().map(StepDefinition::handler).distinct().toList();
  }
}
