package io.taskercore.engine.clock;

import java.util.concurrent.TimeUnit;

/** A point in this process's time, for waits. It never passes if nobody has set one. */
public final class Deadline {

  private final CoreClock clock;
  private final long atNanos;
  private final boolean set;

  private Deadline(CoreClock clock, long atNanos, boolean set) {
    this.clock = clock;
    this.atNanos = atNanos;
    this.set = set;
  }

  /** @param timeoutMs from now, in milliseconds of real time; null: never */
  public static Deadline in(Long timeoutMs) {
    return in(timeoutMs, CoreClock.ACTUAL);
  }

  /** @param timeoutMs from now, in milliseconds of this clock; null: never */
  public static Deadline in(Long timeoutMs, CoreClock clock) {
    return timeoutMs == null
        ? new Deadline(clock, 0, false)
        : new Deadline(clock, clock.nanos() + TimeUnit.MILLISECONDS.toNanos(timeoutMs), true);
  }

  public boolean passed() {
    return set && clock.nanos() - atNanos >= 0;
  }

  /** The wait, or what is left until the deadline if that is less, in nanoseconds. */
  public long capNanos(long waitMs) {
    long nanos = TimeUnit.MILLISECONDS.toNanos(waitMs);
    return set ? Math.min(nanos, Math.max(0, atNanos - clock.nanos())) : nanos;
  }

  /** What is left until the deadline, in milliseconds; 0 once it has passed. */
  public long leftMs() {
    return TimeUnit.NANOSECONDS.toMillis(capNanos(Long.MAX_VALUE / 1_000_000));
  }
}
