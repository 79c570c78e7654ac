package io.taskercore.engine;

import java.util.concurrent.Future;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/** Runs short actions later, on one daemon thread. */
final class Timers implements AutoCloseable {

  private final ScheduledThreadPoolExecutor executor = new ScheduledThreadPoolExecutor(1, Threads.named("timers"));

  Timers() {
    executor.setRemoveOnCancelPolicy(true);
    executor.setExecuteExistingDelayedTasksAfterShutdownPolicy(false);
  }

  Future<?> in(long delayMs, Runnable action) {
    return executor.schedule(action, delayMs, TimeUnit.MILLISECONDS);
  }

  @Override
  public void close() {
    executor.shutdownNow();
  }
}
