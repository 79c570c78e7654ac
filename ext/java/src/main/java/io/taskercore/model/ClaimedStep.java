package io.taskercore.model;

import java.util.List;

/**
 * A step that this process may run now, under a lease.
 *
 * @param attempt the number of this attempt, from 1
 * @param failures how many attempts count against {@code maxAttempts}, this one included; crashes of a process do not count
 * @param fence the token without which no outcome is accepted
 * @param apart whether it was claimed for a slot that is held free for it, so that it must begin at once
 * @param lastChance whether processes have died under it, and one more would end it
 */
public record ClaimedStep(
    long taskId,
    long stepId,
    String name,
    String handler,
    List<Integer> parents,
    List<Integer> children,
    int attempt,
    int failures,
    int maxAttempts,
    long fence,
    boolean apart,
    boolean lastChance) {

  /** The number of a step within its task is in these low bits of the step's id. */
  public static final int ORDINAL_BITS = 16;

  public static long stepId(long taskId, int ordinal) {
    return (taskId << ORDINAL_BITS) + ordinal;
  }

  public static long taskIdOf(long stepId) {
    return stepId >> ORDINAL_BITS;
  }

  public static int ordinalOf(long stepId) {
    return (int) (stepId & ((1 << ORDINAL_BITS) - 1));
  }

  /** Identifies a claim: a step may be claimed again while an earlier claim is still being dealt with. */
  public record Claim(long stepId, long fence) {}

  public Claim claim() {
    return new Claim(stepId, fence);
  }

  public int ordinal() {
    return ordinalOf(stepId);
  }
}
