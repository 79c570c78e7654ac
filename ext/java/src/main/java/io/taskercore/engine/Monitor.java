package io.taskercore.engine;

import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/** A lock over some fields, and one condition: whoever changes them wakes all who wait for what they may become. */
final class Monitor {

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();

  /** Changes what the monitor guards. */
  void change(Runnable change) {
    lock.lock();
    try {
      change.run();
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /** Reads what the monitor guards; may change it too, where nobody waits for that. */
  <T> T get(Supplier<T> value) {
    lock.lock();
    try {
      return value.get();
    } finally {
      lock.unlock();
    }
  }

  /** Waits for as long as it takes, then reads, and perhaps takes, what it has waited for. */
  <T> T await(BooleanSupplier until, Supplier<T> then) throws InterruptedException {
    return await(until, Long.MAX_VALUE, then);
  }

  /** Waits for so many nanoseconds at most; whether it was in vain is for {@code then} to see. */
  <T> T await(BooleanSupplier until, long nanos, Supplier<T> then) throws InterruptedException {
    lock.lockInterruptibly();
    try {
      long left = nanos;
      while (!until.getAsBoolean() && left > 0) {
        left = changed.awaitNanos(left);
      }
      return then.get();
    } finally {
      lock.unlock();
    }
  }
}
