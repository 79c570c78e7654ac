package io.taskercore.engine.report;

import io.taskercore.model.Format;
import io.taskercore.model.JsonWriter;
import io.taskercore.model.StepState;
import io.taskercore.store.TaskReader.StepStatus;
import java.time.Instant;

/** Why a step does not move, or that it does. */
public record Explanation(String reason, String detail, Instant nextLookAt) {

  public static Explanation of(StepStatus step, boolean handlerAtHand) {
    if (step.taskState().ended()) {
      return new Explanation("task_ended", "the task ended in " + step.taskState().value(), null);
    }
    return switch (step.state()) {
      case PENDING -> new Explanation(
          "waiting_for_parents", "waits for " + String.join(", ", step.openParents()), null);
      case IN_PROGRESS -> new Explanation(
          "running",
          Format.text("attempt %d of %d since %s in %s",
              step.attempts(), step.maxAttempts(), JsonWriter.time(step.startedAt()),
              step.holder() == null ? "a process that is gone" : step.holder()),
          null);
      default -> ofQueued(step, handlerAtHand);
    };
  }

  private static Explanation ofQueued(StepStatus step, boolean handlerAtHand) {
    String runAt = JsonWriter.time(step.runAt());
    if (!step.due() && step.state() == StepState.WAITING_FOR_RETRY) {
      return new Explanation(
          "backing_off", Format.text("attempt %d failed; the next one may begin at %s", step.attempts(), runAt), step.runAt());
    }
    if (!step.due()) {
      return new Explanation("not_before", "may begin at " + runAt, step.runAt());
    }
    if (!handlerAtHand) {
      return new Explanation(
          "no_live_worker_has_handler", "no live process has a handler named " + step.handler(), null);
    }
    return new Explanation("queued", "may run since " + runAt + ", waits for a free place", null);
  }
}
