package io.taskercore.model;

import java.time.Instant;

/**
 * What never changes about a task and every one of its attempts needs.
 *
 * @param createdAt tells it from another task that had or will have the same id, where the database goes back in time
 */
public record TaskFacts(
    long taskId,
    Instant createdAt,
    TemplateKey template,
    String namespace,
    String name,
    String correlationId,
    boolean failFast,
    Json payload) {}
