package io.taskercore.engine.attempt;

import io.taskercore.model.ClaimedStep;
import io.taskercore.model.Failure;
import io.taskercore.model.Json;
import io.taskercore.model.JsonWriter;
import io.taskercore.model.RetryPolicy;
import io.taskercore.model.StepOutcome;
import io.taskercore.model.StepState;
import java.util.random.RandomGenerator;

/** What an attempt's end means for its step. */
public final class Outcomes {

  /** A reason is one line of the log; the step's error has the whole message. */
  private static final int REASON_CHARS = 200;

  /** A hundred years: a time of PostgreSQL that such a delay is added to stays in its range. */
  private static final double LONGEST_DELAY_MS = 100 * 365.25 * 24 * 60 * 60 * 1_000;

  private Outcomes() {}

  static StepOutcome success(ClaimedStep step, Json result, Json metadata) {
    return new StepOutcome(step.stepId(), step.fence(), StepState.COMPLETE, result, null, null, null, metadata);
  }

  /** Whether a failure of this attempt is final even if it is retryable. */
  static boolean isLast(ClaimedStep step, RetryPolicy policy) {
    return !policy.retryable() || step.failures() >= step.maxAttempts();
  }

  /** Another attempt, if the failure, the policy and the number of attempts all allow one; otherwise the step ends in error. */
  public static StepOutcome failure(ClaimedStep step, RetryPolicy policy, Failure failure, RandomGenerator random) {
    boolean again = failure.retryable() && !isLast(step, policy);
    return new StepOutcome(
        step.stepId(),
        step.fence(),
        again ? StepState.WAITING_FOR_RETRY : StepState.ERROR,
        null,
        error(failure),
        again ? delayMs(step, policy, failure, random) : null,
        reason(failure));
  }

  /** The policy's delay, or what the handler asked for if that is longer: jitter never makes it shorter. */
  private static long delayMs(ClaimedStep step, RetryPolicy policy, Failure failure, RandomGenerator random) {
    long delayMs = policy.delayMs(step.failures(), random);
    Double retryAfter = failure.retryAfterSeconds();
    return retryAfter == null ? delayMs : Math.max(delayMs, (long) Math.min(LONGEST_DELAY_MS, Math.ceil(retryAfter * 1000)));
  }

  /** The error of a step under which this many processes have died. */
  public static Json crashLimit(int crashes) {
    return error(Failure.of(
        "TaskerCore::CrashLimit", "the process died under this step " + crashes + " times", "crash_limit", false));
  }

  private static Json error(Failure failure) {
    return JsonWriter.object(error -> error
        .put("class", failure.errorClass())
        .put("message", failure.message())
        .put("error_code", failure.errorCode())
        .put("retryable", failure.retryable())
        .put("context", failure.context())
        .put("backtrace", failure.backtrace()));
  }

  private static String reason(Failure failure) {
    String reason = failure.errorCode() != null ? failure.errorCode() : failure.errorClass() + ": " + failure.message();
    String line = reason.lines().findFirst().orElse("");
    if (line.length() <= REASON_CHARS) {
      return line;
    }
    int end = REASON_CHARS - 1;
    // Half of a surrogate pair would be a text that cannot be read again.
    return line.substring(0, Character.isHighSurrogate(line.charAt(end - 1)) ? end - 1 : end) + "…";
  }
}
