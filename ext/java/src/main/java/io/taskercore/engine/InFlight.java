package io.taskercore.engine;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/** A count that one can wait on to become zero. */
final class InFlight {

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition none = lock.newCondition();
  private int count;

  void add(int more) {
    lock.lock();
    try {
      count += more;
      if (count == 0) {
        none.signalAll();
      }
    } finally {
      lock.unlock();
    }
  }

  /** @return false if there are still some after {@code timeoutMs}, or the wait was interrupted */
  boolean awaitNone(long timeoutMs) {
    long nanos = TimeUnit.MILLISECONDS.toNanos(timeoutMs);
    lock.lock();
    try {
      while (count > 0 && nanos > 0) {
        nanos = none.awaitNanos(nanos);
      }
      return count == 0;
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
      return false;
    } finally {
      lock.unlock();
    }
  }
}
