package io.taskercore.engine;

import java.util.List;
import java.util.stream.Collectors;

/**
 * What is to be seen of a task: what the tables hold, or what they should.
 *
 * @param log of the task itself
 */
record TaskView(
    String state, int activeSteps, int failedSteps, boolean failing, boolean completed, List<String> log, List<StepView> steps) {

  /**
   * What is to be seen of a step.
   *
   * @param holder the process that has claimed it; null: none
   * @param result a number by which a test knows the result again; null: none
   * @param error the same of the error, or its code
   * @param timed whether it has a time before which it does not run
   * @param queued what its queue row says; null: there is none
   */
  record StepView(
      String name, String state, int waitingOn, int attempts, int maxAttempts, int crashes, int maxCrashes, long fence,
      Long holder, String result, String error, boolean completed, boolean timed, String queued, List<String> log) {

    @Override
    public String toString() {
      return "%s %s, waiting_on %d, attempts %d of %d, crashes %d of %d, fence %d%s%s%s%s%s%s, log %s".formatted(
          name, state, waitingOn, attempts, maxAttempts, crashes, maxCrashes, fence,
          some(", held by ", holder), some(", result ", result), some(", error ", error),
          completed ? ", completed_at" : "", timed ? ", next_run_at" : "", some(", queued as ", queued), log);
    }

    private static String some(String what, Object value) {
      return value == null ? "" : what + value;
    }
  }

  /**
   * One entry of a log.
   *
   * @param attempt null: none is told
   */
  static String entry(String from, String to, Integer attempt, String reason) {
    return from + " > " + to + (attempt == null ? "" : " attempt " + attempt) + (reason == null ? "" : " (" + reason + ")");
  }

  /** A line for the task and one for each step, so that two views can be laid side by side. */
  @Override
  public String toString() {
    return "task %s, active_steps %d, failed_steps %d%s%s, log %s%n".formatted(
        state, activeSteps, failedSteps, failing ? ", failing" : "", completed ? ", completed_at" : "", log)
        + steps.stream().map(step -> "  " + step).collect(Collectors.joining("\n"));
  }
}
