package io.taskercore.engine.attempt;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Where handler threads find their next attempt.
 *
 * <p>The threads belong to the side of the handlers, and only that side can start them. So the queue counts how many are missing, and
 * pokes those who wait on that side anyway (a run's caller, a worker's supervisor). The first of them to ask starts the threads.
 */
public final class AttemptQueue {

  /** Work of the core that leads to an attempt, for a handler thread that has nothing else to do. */
  @FunctionalInterface
  public interface Beginning {
    /** @return the attempt that the thread is to run; null if there is none. Throws only an {@link Error}. */
    Attempt begin();
  }

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition offered = lock.newCondition();
  private final Deque<Attempt> attempts = new ArrayDeque<>();
  private final Deque<Beginning> beginnings = new ArrayDeque<>();
  private final List<Runnable> starters = new ArrayList<>();
  private int idle;
  private int starting;

  /**
   * Waits for an attempt to run.
   *
   * @param idleMs how long to wait, in milliseconds
   * @return the attempt; null if there was none for that long, and the thread should retire
   */
  public Attempt take(long idleMs) throws InterruptedException {
    Attempt taken = null;
    try {
      Beginning next = waitForOne(idleMs);
      while (next != null && taken == null) {
        taken = next.begin();
        next = taken == null ? waitForOne(idleMs) : null;
      }
      return taken;
    } finally {
      if (taken == null) {
        // The queue may have counted on this thread for an attempt that was offered at the same moment.
        pokeStarters();
      }
    }
  }

  /** Null if there was none for that long. */
  private Beginning waitForOne(long idleMs) throws InterruptedException {
    long nanos = TimeUnit.MILLISECONDS.toNanos(idleMs);
    lock.lockInterruptibly();
    try {
      starting = Math.max(0, starting - 1);
      idle++;
      try {
        while (attempts.isEmpty() && beginnings.isEmpty()) {
          if (nanos <= 0) {
            return null;
          }
          nanos = offered.awaitNanos(nanos);
        }
        Attempt attempt = attempts.pollFirst();
        return attempt == null ? beginnings.pollFirst() : () -> attempt;
      } finally {
        idle--;
      }
    } finally {
      lock.unlock();
    }
  }

  /** How many handler threads the caller must start now; from here on they count as started. */
  public int threadsToStart() {
    lock.lock();
    try {
      int missing = Math.max(0, missing());
      starting += missing;
      return missing;
    } finally {
      lock.unlock();
    }
  }

  /** This many of {@link #threadsToStart} could not be started, so somebody must try again. */
  public void notStarted(int threads) {
    if (threads == 0) {
      return;
    }
    lock.lock();
    try {
      starting = Math.max(0, starting - threads);
    } finally {
      lock.unlock();
    }
    pokeStarters();
  }

  void offer(Attempt attempt) {
    lock.lock();
    try {
      attempts.addLast(attempt);
      offered.signal();
    } finally {
      lock.unlock();
    }
    pokeStarters();
  }

  /** Gives work to a handler thread that has none; false if all are busy. */
  public boolean offer(Beginning beginning) {
    lock.lock();
    try {
      if (attempts.size() + beginnings.size() >= idle) {
        return false;
      }
      beginnings.addLast(beginning);
      offered.signal();
      return true;
    } finally {
      lock.unlock();
    }
  }

  boolean isEmpty() {
    lock.lock();
    try {
      return attempts.isEmpty();
    } finally {
      lock.unlock();
    }
  }

  /** Takes back an attempt that no thread has taken yet. */
  boolean remove(Attempt attempt) {
    lock.lock();
    try {
      return attempts.remove(attempt);
    } finally {
      lock.unlock();
    }
  }

  /** @param starter called when threads are missing, from any thread; must not block */
  public void addStarter(Runnable starter) {
    lock.lock();
    try {
      starters.add(starter);
    } finally {
      lock.unlock();
    }
    pokeStarters();
  }

  /** Removes a starter. It may have been poked and have left without starting any thread, so the others are poked. */
  public void removeStarter(Runnable starter) {
    lock.lock();
    try {
      starters.remove(starter);
    } finally {
      lock.unlock();
    }
    pokeStarters();
  }

  /** Pokes all of them, because any one may be busy. The first to come starts the threads that are missing. */
  private void pokeStarters() {
    List<Runnable> waiting;
    lock.lock();
    try {
      waiting = missing() > 0 ? List.copyOf(starters) : List.of();
    } finally {
      lock.unlock();
    }
    waiting.forEach(Runnable::run);
  }

  private int missing() {
    return attempts.size() + beginnings.size() - idle - starting;
  }
}
