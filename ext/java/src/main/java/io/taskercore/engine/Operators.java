package io.taskercore.engine;

import io.taskercore.engine.operate.OperatorChanges;
import io.taskercore.model.Json;

/** What people decide about tasks and steps. */
public final class Operators {

  private final Runnable requireOpen;
  private final OperatorChanges changes;

  Operators(Runnable requireOpen, OperatorChanges changes) {
    this.requireOpen = requireOpen;
    this.changes = changes;
  }

  public Json cancelTask(long taskId, String reason) {
    requireOpen.run();
    return changes.cancel(taskId, reason);
  }

  public Json resolveTask(long taskId, String reason) {
    requireOpen.run();
    return changes.resolve(taskId, reason);
  }

  public Json retryStep(long stepId) {
    requireOpen.run();
    return changes.retryStep(stepId);
  }

  /** @param result what children read; null: {@code {}} */
  public Json resolveStep(long stepId, String reason, Json result) {
    requireOpen.run();
    return changes.resolveStep(stepId, reason, result);
  }
}
