package io.taskercore.model;

/**
 * How an attempt ended, as it is to be recorded.
 *
 * @param to {@code COMPLETE}, {@code WAITING_FOR_RETRY} or {@code ERROR}
 * @param result what children will read; null unless complete
 * @param error what went wrong; null if complete
 * @param delayMs how long until the next attempt, in milliseconds; null unless waiting for one
 * @param reason one line for the transition log; null if complete
 * @param metadata what the handler noted beside its result; null: nothing
 */
public record StepOutcome(
    long stepId, long fence, StepState to, Json result, Json error, Long delayMs, String reason, Json metadata) {

  /** An outcome without metadata. */
  public StepOutcome(long stepId, long fence, StepState to, Json result, Json error, Long delayMs, String reason) {
    this(stepId, fence, to, result, error, delayMs, reason, null);
  }

  /** About how many bytes there are to write. */
  public long bytes() {
    return size(result) + size(error) + size(metadata);
  }

  private static long size(Json document) {
    return document == null ? 0 : document.size();
  }
}
