package io.taskercore.engine;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * One coordinator's share of the handler threads: at most so many attempts run at once, a bounded number of claimed ones wait
 * behind them.
 *
 * <p>How many may wait follows from how long handlers take: as many as a tenth of a second will see off. So short steps are
 * claimed by the hundred, and of long ones none is kept from other processes.
 */
final class Lane {

  private static final double HORIZON_NANOS = TimeUnit.MILLISECONDS.toNanos(100);
  private static final int MOST_WAITING = 1_000;

  /** The weight of the newest attempt in the average. */
  private static final double WEIGHT = 0.1;

  private final AttemptQueue queue;
  private final Deque<Attempt> waiting = new ArrayDeque<>();
  private final Runnable roomCameFree;
  private int parallel;
  private double averageNanos = HORIZON_NANOS;
  private int running;
  private int reserved;
  private boolean refused;

  /** How much is going on. */
  record Load(int running, int waiting) {}

  /** @param roomCameFree called after somebody was refused room and there is some again; must not block */
  Lane(AttemptQueue queue, int parallel, Runnable roomCameFree) {
    this.queue = queue;
    this.parallel = parallel;
    this.roomCameFree = roomCameFree;
  }

  /** Sets room aside for claims that are about to be made; each is used up by {@link #submit} or given up again. */
  synchronized int reserve(int wanted) {
    int granted = Math.max(0, Math.min(wanted, room()));
    reserved += granted;
    refused |= granted == 0;
    return granted;
  }

  /** Sets a place aside whether there is room or not: for a child that takes the place of its parent, which has just left. */
  synchronized void reserveSuccession() {
    reserved++;
  }

  /** Sets all room aside, if it is enough to be worth a look at the queue: half of it, or a place where nothing waits. */
  synchronized int reserveBatch() {
    boolean worthIt = waiting.isEmpty() || 2 * room() >= parallel + prefetch();
    return reserve(worthIt ? Integer.MAX_VALUE : 0);
  }

  /** Sets one place aside, room or not: for a step that was asked for by its id. It waits its turn like the others. */
  synchronized void reserveAnyway() {
    reserved++;
  }

  /** From now on so many attempts may run at once; where that is fewer than run now, those go on. */
  void widen(int newParallel) {
    List<Attempt> next = new ArrayList<>();
    synchronized (this) {
      parallel = newParallel;
      while (running < parallel && !waiting.isEmpty()) {
        next.add(waiting.pollFirst());
        running++;
      }
    }
    next.forEach(queue::offer);
    roomCameFree.run();
  }

  private int room() {
    return parallel + prefetch() - running - waiting.size() - reserved;
  }

  private int prefetch() {
    return (int) Math.min(MOST_WAITING, parallel * HORIZON_NANOS / averageNanos);
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

  /** An attempt has left its thread, after running for so long. */
  void leave(long nanos) {
    synchronized (this) {
      averageNanos += WEIGHT * (Math.max(1, nanos) - averageNanos);
    }
    leave();
  }

  /** An attempt that has not run leaves, or one that runs lends its place while it waits for others. */
  void leave() {
    Attempt next;
    boolean tell;
    synchronized (this) {
      running--;
      next = running < parallel ? waiting.pollFirst() : null;
      if (next != null) {
        running++;
      }
      tell = refused && (waiting.isEmpty() || 2 * room() >= parallel + prefetch());
      refused &= !tell;
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

  synchronized Load load() {
    return new Load(running, waiting.size());
  }
}
