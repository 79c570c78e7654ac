package io.taskercore.engine;

import java.util.ArrayDeque;
import java.util.Deque;

/**
 * One coordinator's share of the handler threads: at most so many attempts run at once, a bounded number of claimed ones wait
 * behind them.
 */
final class Lane {

  private final AttemptQueue queue;
  private final Deque<Attempt> waiting = new ArrayDeque<>();
  private final int parallel;
  private final int prefetch;
  private final Runnable roomCameFree;
  private int running;
  private int reserved;
  private boolean refused;

  /** @param roomCameFree called after somebody was refused room and there is some again; must not block */
  Lane(AttemptQueue queue, int parallel, int prefetch, Runnable roomCameFree) {
    this.queue = queue;
    this.parallel = parallel;
    this.prefetch = prefetch;
    this.roomCameFree = roomCameFree;
  }

  /** Sets room aside for claims that are about to be made; each is used up by {@link #submit} or given up again. */
  synchronized int reserve(int wanted) {
    int room = parallel + prefetch - running - waiting.size() - reserved;
    int granted = Math.max(0, Math.min(wanted, room));
    reserved += granted;
    refused |= granted == 0;
    return granted;
  }

  synchronized void giveUp(int unused) {
    reserved -= unused;
  }

  /** Lets a claimed attempt run as soon as one may; its reservation ends. */
  void submit(Attempt attempt) {
    synchronized (this) {
      reserved--;
      if (running >= parallel) {
        waiting.addLast(attempt);
        return;
      }
      running++;
    }
    queue.offer(attempt);
  }

  /** An attempt that ran has left its thread, or one lends its place while it waits for others. */
  void leave() {
    Attempt next;
    boolean tell;
    synchronized (this) {
      running--;
      tell = refused;
      refused = false;
      next = running < parallel ? waiting.pollFirst() : null;
      if (next != null) {
        running++;
      }
    }
    if (next != null) {
      queue.offer(next);
    }
    if (tell) {
      roomCameFree.run();
    }
  }

  /** An attempt that lent its place goes on; for a moment there may be one more than the lane is wide. */
  synchronized void enter() {
    running++;
  }

  /** Takes out an attempt that no thread has taken yet; the one that has taken it lets it go by itself. */
  void drop(Attempt attempt) {
    boolean waited;
    synchronized (this) {
      waited = waiting.remove(attempt);
    }
    if (!waited && queue.withdraw(attempt)) {
      leave();
    }
  }
}
