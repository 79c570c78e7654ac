package io.taskercore.model;

import java.util.Locale;
import java.util.random.RandomGenerator;

/**
 * When a failed step runs again.
 *
 * @param maxAttempts all attempts, the first included, 1 to 1,000
 * @param backoff how the delay grows
 * @param baseMs the delay's unit, in milliseconds, 0 or more
 * @param maxMs the delay's cap before jitter, in milliseconds, 0 or more
 * @param jitter the fraction by which the delay varies up and down, 0 to 1
 * @param retryable false: the first failure is final
 */
public record RetryPolicy(
    int maxAttempts, Backoff backoff, long baseMs, long maxMs, double jitter, boolean retryable) {

  public static final RetryPolicy DEFAULT =
      new RetryPolicy(3, Backoff.EXPONENTIAL, 1_000, 30_000, 0.1, true);

  /** How the delay grows with the number of failures. */
  public enum Backoff {
    EXPONENTIAL,
    LINEAR,
    FIXED,
    NONE;

    private final String value = name().toLowerCase(Locale.ROOT);

    public String value() {
      return value;
    }
  }

  /**
   * The one formula for the delay before the next attempt, in milliseconds.
   *
   * @param failures how often the step has failed, 1 or more
   * @param random where the jitter comes from
   */
  public long delayMs(int failures, RandomGenerator random) {
    double raw =
        switch (backoff) {
          case EXPONENTIAL -> baseMs * Math.pow(2, failures - 1.0);
          case LINEAR -> (double) baseMs * failures;
          case FIXED -> baseMs;
          case NONE -> 0;
        };
    double capped = Math.min(raw, maxMs);
    double spread = jitter == 0 ? 0 : capped * jitter * (2 * random.nextDouble() - 1);
    return Math.round(capped + spread);
  }
}
