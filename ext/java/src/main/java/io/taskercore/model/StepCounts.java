package io.taskercore.model;

/** How many steps of a task are in which state; skipped and resolved ones count as completed. */
public record StepCounts(
    int total, int pending, int enqueued, int inProgress, int waiting, int completed, int failed, int cancelled) {

  /** Those of a task that is complete. */
  public static StepCounts allCompleted(int total) {
    return new StepCounts(total, 0, 0, 0, 0, total, 0, 0);
  }

  /** The share of steps that are done, 0 to 100. */
  public double completionPercentage() {
    return total == 0 ? 100.0 : Math.round(completed * 10_000.0 / total) / 100.0;
  }
}
