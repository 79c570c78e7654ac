package io.taskercore.engine.clock;

import io.taskercore.engine.threads.Threads;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/** Runs short actions later, on one daemon thread. */
public final class Timers implements AutoCloseable {

  private final ScheduledThreadPoolExecutor executor = new ScheduledThreadPoolExecutor(1, Threads.named("timers"));
  private final CoreClock clock;

  /** On a clock that can be moved: when each timer is due. */
  private final Map<FutureTask<?>, Long> movable = new ConcurrentHashMap<>();

  public Timers(CoreClock clock) {
    this.clock = clock;
    executor.setRemoveOnCancelPolicy(true);
    executor.setExecuteExistingDelayedTasksAfterShutdownPolicy(false);
  }

  public Future<?> in(long delayMs, Runnable action) {
    return clock.movable() ? movable(delayMs, action) : executor.schedule(action, delayMs, TimeUnit.MILLISECONDS);
  }

  private Future<?> movable(long delayMs, Runnable action) {
    FutureTask<?> timer = new FutureTask<>(action, null) {
      @Override
      protected void done() {
        movable.remove(this);
      }
    };
    movable.put(timer, clock.nanos() + TimeUnit.MILLISECONDS.toNanos(delayMs));
    schedule(timer);
    return timer;
  }

  /**
   * The clock was moved: what is due by now has run when this returns. A timer may be scheduled more than once, which does no harm: it
   * runs once.
   */
  public void moved() {
    List<FutureTask<?>> timers = List.copyOf(movable.keySet());
    timers.forEach(this::schedule);
    for (FutureTask<?> timer : timers) {
      Long due = movable.get(timer);
      if (due != null && due - clock.nanos() <= 0) {
        await(timer);
      }
    }
  }

  private static void await(FutureTask<?> timer) {
    try {
      timer.get();
    } catch (CancellationException | ExecutionException over) {
      // It is over, one way or another, and nothing else matters here.
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private void schedule(FutureTask<?> timer) {
    Long due = movable.get(timer);
    if (due != null) {
      executor.schedule(timer, due - clock.nanos(), TimeUnit.NANOSECONDS);
    }
  }

  @Override
  public void close() {
    executor.shutdownNow();
  }
}
