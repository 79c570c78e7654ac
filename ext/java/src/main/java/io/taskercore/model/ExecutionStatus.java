package io.taskercore.model;

import java.util.Locale;

/** What a task is doing, derived from its state and its steps, and what somebody should do about it. */
public enum ExecutionStatus {
  ALL_COMPLETE("none"),
  CANCELLED("none"),
  BLOCKED_BY_FAILURES("handle_failures"),
  PROCESSING("wait_for_completion"),
  HAS_READY_STEPS("execute_ready_steps"),
  WAITING_FOR_RETRY("wait_for_retry"),
  WAITING_FOR_DEPENDENCIES("wait_for_dependencies");

  private final String value = name().toLowerCase(Locale.ROOT);
  private final String recommendedAction;

  ExecutionStatus(String recommendedAction) {
    this.recommendedAction = recommendedAction;
  }

  public String value() {
    return value;
  }

  public String recommendedAction() {
    return recommendedAction;
  }

  /** The first that applies, in the order of the constants. */
  public static ExecutionStatus of(TaskState task, StepCounts steps) {
    switch (task) {
      case COMPLETE, RESOLVED_MANUALLY -> {
        return ALL_COMPLETE;
      }
      case CANCELLED -> {
        return CANCELLED;
      }
      case ERROR -> {
        return BLOCKED_BY_FAILURES;
      }
      default -> {
        // Its steps decide.
      }
    }
    boolean moving = steps.inProgress() + steps.enqueued() + steps.waiting() > 0;
    if (!moving && steps.failed() > 0) {
      return BLOCKED_BY_FAILURES;
    }
    if (steps.inProgress() > 0) {
      return PROCESSING;
    }
    if (steps.enqueued() > 0) {
      return HAS_READY_STEPS;
    }
    return steps.waiting() > 0 ? WAITING_FOR_RETRY : WAITING_FOR_DEPENDENCIES;
  }
}
