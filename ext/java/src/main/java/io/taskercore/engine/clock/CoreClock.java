package io.taskercore.engine.clock;

import java.time.Instant;

/**
 * The engine's time, in step with {@code tasker.now()} of its database.
 *
 * <p>Leases do not follow it: whether a process lives is a matter of real time.
 */
public sealed interface CoreClock permits CoreClock.Actual, TestClock {

  /** Real time. */
  CoreClock ACTUAL = new Actual();

  /** For waits, as {@link System#nanoTime}; moves when the clock is moved. */
  long nanos();

  Instant instant();

  /** How far the clock is ahead of real time, in milliseconds. */
  long offsetMs();

  /** Whether the clock can be moved. */
  boolean movable();

  /**
   * Lets time pass in which nobody has anything to do.
   *
   * @return false if the caller has to wait for that time
   */
  boolean skip(long ms);

  /** Time itself. */
  final class Actual implements CoreClock {

    private Actual() {}

    @Override
    public long nanos() {
      return System.nanoTime();
    }

    @Override
    public Instant instant() {
      return Instant.now();
    }

    @Override
    public long offsetMs() {
      return 0;
    }

    @Override
    public boolean movable() {
      return false;
    }

    @Override
    public boolean skip(long ms) {
      return false;
    }
  }
}
