package io.taskercore.model;

import java.time.Instant;
import java.util.List;

/**
 * A task to be created, with everything decided, such as its template and its correlation id.
 *
 * @param taskId the id to use; null: the next one
 * @param rootSteps how many steps have no parents
 * @param idempotencyKey may be null, as may initiator, reason and runAt
 */
public record NewTask(
    Long taskId,
    TemplateKey template,
    String namespace,
    String name,
    boolean failFast,
    int totalSteps,
    int rootSteps,
    int priority,
    String correlationId,
    String idempotencyKey,
    String initiator,
    String reason,
    List<String> tags,
    Instant runAt,
    Json payload) {

  public NewTask withTaskId(long id) {
    return new NewTask(id, template, namespace, name, failFast, totalSteps, rootSteps, priority, correlationId,
        idempotencyKey, initiator, reason, tags, runAt, payload);
  }

  /** What its steps need to know about it, once it is written. */
  public TaskFacts facts(long id, Instant createdAt) {
    return new TaskFacts(id, createdAt, template, namespace, name, correlationId, failFast, payload);
  }
}
