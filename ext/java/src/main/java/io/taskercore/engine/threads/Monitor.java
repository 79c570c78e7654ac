package io.taskercore.engine.threads;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/**
 * A lock over some fields, and those who wait for a condition on these fields. A change wakes only those whose condition it meets: waking
 * a thread costs more than most of what is done under the lock.
 */
public final class Monitor {

  private final ReentrantLock lock = new ReentrantLock();
  private final List<Waiter> waiters = new ArrayList<>(2);

  private record Waiter(BooleanSupplier until, Condition met) {}

  /** Changes what the monitor guards. */
  public void change(Runnable change) {
    lock.lock();
    try {
      change.run();
      wake();
    } finally {
      lock.unlock();
    }
  }

  private void wake() {
    for (Waiter waiter : waiters) {
      if (waiter.until.getAsBoolean()) {
        waiter.met.signal();
      }
    }
  }

  /** Changes what the monitor guards, and returns something about the change. */
  public <T> T changeAndGet(Supplier<T> change) {
    lock.lock();
    try {
      T told = change.get();
      wake();
      return told;
    } finally {
      lock.unlock();
    }
  }

  /** Reads what the monitor guards. May change it too, if nobody waits for that change. */
  public <T> T get(Supplier<T> value) {
    lock.lock();
    try {
      return value.get();
    } finally {
      lock.unlock();
    }
  }

  /** Waits for as long as it takes, then reads, and perhaps takes, what it has waited for. */
  public <T> T await(BooleanSupplier until, Supplier<T> then) throws InterruptedException {
    return await(until, Long.MAX_VALUE, then);
  }

  /**
   * Waits for this many nanoseconds at most; {@code then} must see for itself whether the condition was met.
   *
   * @param until reads only what the monitor guards; threads other than the calling one ask it too
   */
  public <T> T await(BooleanSupplier until, long nanos, Supplier<T> then) throws InterruptedException {
    lock.lockInterruptibly();
    try {
      if (!until.getAsBoolean()) {
        awaitChange(new Waiter(until, lock.newCondition()), nanos);
      }
      return then.get();
    } finally {
      lock.unlock();
    }
  }

  private void awaitChange(Waiter waiter, long nanos) throws InterruptedException {
    waiters.add(waiter);
    try {
      long left = nanos;
      while (!waiter.until.getAsBoolean() && left > 0) {
        left = waiter.met.awaitNanos(left);
      }
    } finally {
      waiters.remove(waiter);
    }
  }
}
