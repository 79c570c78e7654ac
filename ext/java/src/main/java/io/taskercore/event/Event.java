package io.taskercore.event;

import io.taskercore.model.Json;
import io.taskercore.model.JsonWriter;
import java.time.Instant;

/**
 * Something that happened to a task or a step, or in the application.
 *
 * @param stepId null if the task itself changed. In an event of the application, any field but the name may be null
 * @param fromState null if a task was created
 * @param attempt null before the first one
 * @param data what else there is to say, an object
 */
public record Event(
    String name,
    Long taskId,
    Long stepId,
    String taskName,
    String namespace,
    String stepName,
    String fromState,
    String toState,
    Integer attempt,
    String correlationId,
    Instant at,
    Json data) {

  /** As subscribers get it. */
  public Json json() {
    return JsonWriter.object(out -> out
        .put("name", name)
        .put("task_id", taskId)
        .put("step_id", stepId)
        .put("task_name", taskName)
        .put("namespace", namespace)
        .put("step_name", stepName)
        .put("from_state", fromState)
        .put("to_state", toState)
        .put("attempt", attempt == null ? null : Long.valueOf(attempt))
        .put("correlation_id", correlationId)
        .put("at", at)
        .put("data", data));
  }
}
