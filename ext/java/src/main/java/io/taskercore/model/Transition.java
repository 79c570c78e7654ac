package io.taskercore.model;

import java.time.Instant;

/**
 * One entry of the transition log.
 *
 * @param id of two changes of one step or task, the later one has the higher id
 * @param stepId null where the task itself changed
 * @param attempt null before the first one
 * @param reason may be null
 */
public record Transition(
    long id, long taskId, Long stepId, String from, String to, Integer attempt, Instant at, String reason) {}
