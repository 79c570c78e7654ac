package io.taskercore.model;

/** What never changes about a task and every one of its attempts needs. */
public record TaskFacts(
    long taskId,
    long templateId,
    String namespace,
    String name,
    String correlationId,
    boolean failFast,
    Json payload) {}
