package io.taskercore.engine.threads;

import java.util.concurrent.TimeUnit;

/** A count that becomes zero, which one can wait for. */
public final class InFlight {

  private final Monitor monitor = new Monitor();
  private int count;

  public void add(int more) {
    monitor.change(() -> count += more);
  }

  /** @return false if there are still some after {@code timeoutMs}, or if the wait was interrupted */
  public boolean awaitNone(long timeoutMs) {
    try {
      return monitor.await(() -> count == 0, TimeUnit.MILLISECONDS.toNanos(timeoutMs), () -> count == 0);
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
      return false;
    }
  }
}
