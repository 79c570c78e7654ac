package io.taskercore.fault;

import java.time.Duration;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

/** Waits for what processes and servers bring about, which takes longer than what threads do. */
final class Patience {

  private static final Duration LONG = Duration.ofSeconds(90);
  private static final long LOOK_NANOS = 25_000_000;

  private Patience() {}

  /** The bound is only there to end a test that fails. */
  static void until(String what, BooleanSupplier condition) {
    until(what, LONG, condition);
  }

  static void until(String what, Duration atMost, BooleanSupplier condition) {
    long end = System.nanoTime() + atMost.toNanos();
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() > end || Thread.currentThread().isInterrupted()) {
        throw new AssertionError("not within " + atMost.toSeconds() + " s: " + what);
      }
      LockSupport.parkNanos(LOOK_NANOS);
    }
  }

  /** Lets time pass, where it is time itself that a test is about. */
  static void pass(Duration time) {
    try {
      Thread.sleep(time.toMillis());
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(interrupted);
    }
  }
}
