package io.taskercore.model;

import java.time.Instant;

/**
 * One entry of the transition log.
 *
 * @param stepId null if the task itself changed
 * @param attempt null before the first one
 * @param reason may be null
 * @param nextRunAt when the step's next attempt may begin; null if it waits for none
 */
public record Transition(long taskId, Long stepId, String from, String to, Integer attempt, String reason, Instant nextRunAt) {

  public static Transition ofTask(long taskId, TaskState from, TaskState to) {
    return new Transition(taskId, null, from.value(), to.value(), null, null, null);
  }

  public static Transition ofStep(long stepId, StepState from, StepState to, Integer attempt) {
    return new Transition(ClaimedStep.taskIdOf(stepId), stepId, from.value(), to.value(), attempt, null, null);
  }

  public boolean isTo(StepState state) {
    return stepId != null && to.equals(state.value());
  }
}
