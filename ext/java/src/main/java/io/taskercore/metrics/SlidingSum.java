package io.taskercore.metrics;

import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/** How many values there were in the last minute, and their sum, to the second. */
final class SlidingSum {

  static final int WINDOW_SECONDS = 60;

  private final LongSupplier nanos;
  private final long startNanos;
  private final long[] seconds = new long[WINDOW_SECONDS];
  private final long[] counts = new long[WINDOW_SECONDS];
  private final double[] sums = new double[WINDOW_SECONDS];

  /** @param sum of the values in the window */
  record Totals(long count, double sum, double seconds) {

    double perSecond() {
      return count / seconds;
    }

    double average() {
      return count == 0 ? 0 : sum / count;
    }
  }

  SlidingSum(LongSupplier nanos) {
    this.nanos = nanos;
    this.startNanos = nanos.getAsLong();
  }

  /** @param now the clock's time, which the caller usually knows: asking for it takes longer than all else here */
  synchronized void add(double value, long now) {
    long second = second(now);
    int slot = (int) (second % WINDOW_SECONDS);
    if (seconds[slot] != second) {
      seconds[slot] = second;
      counts[slot] = 0;
      sums[slot] = 0;
    }
    counts[slot]++;
    sums[slot] += value;
  }

  /**
   * Of the last minute, or since the beginning if that is more recent. Counts as one second at least, or the first step would make a
   * thousand.
   */
  synchronized Totals totals() {
    long nowNanos = nanos.getAsLong();
    long now = second(nowNanos);
    long count = 0;
    double sum = 0;
    for (int slot = 0; slot < WINDOW_SECONDS; slot++) {
      if (seconds[slot] > now - WINDOW_SECONDS) {
        count += counts[slot];
        sum += sums[slot];
      }
    }
    double elapsed = (nowNanos - startNanos) / 1e9;
    return new Totals(count, sum, Math.max(1, Math.min(elapsed, WINDOW_SECONDS)));
  }

  private long second(long now) {
    return TimeUnit.NANOSECONDS.toSeconds(now - startNanos);
  }
}
