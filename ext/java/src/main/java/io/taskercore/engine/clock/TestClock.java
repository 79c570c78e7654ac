package io.taskercore.engine.clock;

import java.time.Instant;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/**
 * A clock that tests move. It runs like real time, and is ahead of it by as much as it was moved. Coordinators that are opened on the
 * same clock share it, and share nothing with those on another clock.
 *
 * <p>When it is moved, whatever becomes due happens at once: time-outs, retries, tasks whose {@code run_at} has come. The run of a task
 * moves it whenever the run has nothing to do but wait.
 */
public final class TestClock implements CoreClock {

  private final AtomicLong offsetMs = new AtomicLong();
  private final Set<Runnable> listeners = ConcurrentHashMap.newKeySet();

  /** Moves the clock forward. Waits for a time in between end, and time-outs in between have happened. */
  public void advance(long ms) {
    if (ms < 0) {
      throw new IllegalArgumentException("time moves forward, not by " + ms + " ms");
    }
    offsetMs.addAndGet(ms);
    listeners.forEach(Runnable::run);
  }

  /** Goes back to real time. Only for when nothing is going on, between two tests. */
  public void rewind() {
    offsetMs.set(0);
  }

  @Override
  public long nanos() {
    return System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(offsetMs.get());
  }

  @Override
  public Instant instant() {
    return Instant.now().plusMillis(offsetMs.get());
  }

  @Override
  public long offsetMs() {
    return offsetMs.get();
  }

  @Override
  public boolean movable() {
    return true;
  }

  @Override
  public boolean skip(long ms) {
    advance(ms);
    return true;
  }

  /** @param listener called after each move, on the thread that moved the clock */
  public void add(Runnable listener) {
    listeners.add(listener);
  }

  public void remove(Runnable listener) {
    listeners.remove(listener);
  }
}
