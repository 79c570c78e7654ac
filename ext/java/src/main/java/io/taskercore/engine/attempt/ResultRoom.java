package io.taskercore.engine.attempt;

import io.taskercore.engine.threads.Monitor;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Bounds the memory of results that wait to be recorded. They may take more than that if PostgreSQL is slow or away, or if a row is
 * locked. Then handlers that have ended keep their slots until there is room. So fewer begin here, and other processes may take the steps.
 */
public final class ResultRoom {

  private final long mostBytes;
  private final AtomicLong bytes = new AtomicLong();
  private final Monitor monitor = new Monitor();
  private final AtomicInteger waiting = new AtomicInteger();
  private volatile boolean closed;

  /** @param mostBytes above this, those who have added results wait */
  public ResultRoom(long mostBytes) {
    this.mostBytes = mostBytes;
  }

  public static ResultRoom anEighthOfTheHeap() {
    return new ResultRoom(Runtime.getRuntime().maxMemory() / 8);
  }

  void add(long some) {
    bytes.addAndGet(some);
  }

  void remove(long some) {
    if (bytes.addAndGet(-some) <= mostBytes && waiting.get() > 0) {
      monitor.change(() -> {});
    }
  }

  /** Waits until there is room, or nobody need wait any more. */
  void await() {
    if (hasRoom()) {
      return;
    }
    waiting.incrementAndGet();
    try {
      monitor.await(this::hasRoom, () -> null);
    } catch (InterruptedException meantForOthers) {
      Thread.currentThread().interrupt();
    } finally {
      waiting.decrementAndGet();
    }
  }

  private boolean hasRoom() {
    return closed || bytes.get() <= mostBytes;
  }

  long bytes() {
    return bytes.get();
  }

  /** Nobody waits from now on. */
  public void close() {
    closed = true;
    monitor.change(() -> {});
  }
}
