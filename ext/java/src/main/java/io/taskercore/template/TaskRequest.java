package io.taskercore.template;

import io.taskercore.model.Json;
import java.time.Instant;
import java.util.List;

/**
 * A request for one task, checked as far as that is possible without its template.
 *
 * @param namespace the template's; {@code default} if none was given
 * @param taskName the template's name
 * @param version the template's version; null: the newest
 * @param payload a JSON object, as it stood in the request
 * @param priority -100 to 100; the higher goes first
 * @param idempotencyKey null: every request is a task of its own
 * @param correlationId null: the task gets one
 * @param runAt nothing of the task runs before this time; null: at once
 * @param tags without duplicates
 * @param initiator who asked for the task; may be null
 * @param reason why; may be null
 */
public record TaskRequest(
    String namespace,
    String taskName,
    String version,
    Json payload,
    int priority,
    String idempotencyKey,
    String correlationId,
    Instant runAt,
    List<String> tags,
    String initiator,
    String reason) {

  public TaskRequest {
    tags = List.copyOf(tags);
  }
}
