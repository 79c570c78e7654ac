package io.taskercore.engine.report;

import io.taskercore.model.Format;
import io.taskercore.model.JsonWriter;
import io.taskercore.model.StepState;
import io.taskercore.store.TaskReader.StepStatus;
import java.time.Instant;

/** Why a step does not move, or that it does. */
public record Explanation(String reason, String detail, Instant nextLookAt) {

  public static Explanation of(StepStatus step, boolean handlerAtHand) {
    return of(step, handlerAtHand, null);
  }

  /** @param failedAbove the step on account of whose failure this one cannot run; null if there is none */
  static Explanation of(StepStatus step, boolean handlerAtHand, String failedAbove) {
    String because = failedAbove == null ? "" : Format.text("; it cannot run, for %s has failed for good", failedAbove);
    if (step.taskState().ended()) {
      return new Explanation("task_ended", "the task ended in " + step.taskState().value() + because, null);
    }
    return switch (step.state()) {
      case PENDING -> new Explanation(
          "waiting_for_parents", "waits for " + String.join(", ", step.openParents()) + because, null);
      case IN_PROGRESS -> new Explanation(
          "running",
          Format.text("%s since %s in %s", attempt(step), JsonWriter.time(step.startedAt()), holder(step)),
          null);
      default -> ofQueued(step, handlerAtHand);
    };
  }

  private static String attempt(StepStatus step) {
    String attempt = Format.text("attempt %d of %d", step.attempts() - step.crashes(), step.maxAttempts());
    return step.crashes() == 0 ? attempt : attempt + Format.text(" (%d more ended with their process)", step.crashes());
  }

  private static String holder(StepStatus step) {
    if (step.holder() == null) {
      return "a process that is gone";
    }
    return step.holderIsSilent() ? step.holder() + ", whose lease has lapsed: it is taken over soon" : step.holder();
  }

  private static Explanation ofQueued(StepStatus step, boolean handlerAtHand) {
    String runAt = JsonWriter.time(step.runAt());
    if (!step.due() && step.state() == StepState.WAITING_FOR_RETRY) {
      return new Explanation(
          "backing_off", Format.text("%s failed; the next one may begin at %s", attempt(step), runAt), step.runAt());
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
