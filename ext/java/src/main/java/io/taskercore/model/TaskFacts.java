package io.taskercore.model;

import java.time.Instant;

/**
 * The facts about a task that never change and that each of its attempts needs.
 *
 * @param createdAt distinguishes it from another task that had or will have the same id, if the database goes back in time
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
