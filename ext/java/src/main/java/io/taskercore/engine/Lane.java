package io.taskercore.engine;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

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
  private final LongSupplier nanoTime;
  private int parallel;
  private double averageNanos = HORIZON_NANOS;
  private int places;
  private int reserved;
  private boolean refused;

  /** Handlers that run now, and the sum of when they began: what has not ended yet says how long handlers take, too. */
  private int begun;
  private long begunNanos;

  /** How much is going on. */
  record Load(int running, int waiting) {}

  /** @param roomCameFree called after somebody was refused room and there is some again; must not block */
  Lane(AttemptQueue queue, int parallel, LongSupplier nanoTime, Runnable roomCameFree) {
    this.queue = queue;
    this.parallel = parallel;
    this.nanoTime = nanoTime;
    this.roomCameFree = roomCameFree;
  }

  /** Places set aside for claims that are about to be made: each is taken by an attempt, or given up again by {@link #close}. */
  final class Reservation implements AutoCloseable {

    private int size;

    private Reservation(int size) {
      this.size = size;
    }

    int size() {
      return size;
    }

    /** One place more, if there is room. */
    boolean extend() {
      int more = grant(1);
      size += more;
      return more > 0;
    }

    /** One place more whether there is room or not. */
    void extendAnyway() {
      grantAnyway();
      size++;
    }

    /** Parts with some of the places, for claims that arrive later than the others. */
    Reservation split(int some) {
      size -= some;
      return new Reservation(some);
    }

    /** Lets a claimed attempt run as soon as one may. */
    void submit(Attempt attempt) {
      size--;
      Lane.this.submit(attempt);
    }

    /** Lets a claimed attempt have the place of another one, which has ended and does not {@link Lane#leave}. */
    void succeedTo() {
      size--;
      Lane.this.succeedTo();
    }

    /** Gives a claimed attempt a place that is free, for a thread that is at hand; false if there is none. */
    boolean occupy() {
      boolean occupied = Lane.this.occupy();
      size -= occupied ? 1 : 0;
      return occupied;
    }

    @Override
    public void close() {
      giveUp(size);
      size = 0;
    }
  }

  Reservation reserve(int wanted) {
    return new Reservation(grant(wanted));
  }

  /** All room, if it is enough to be worth a look at the queue: half of it, or a place where nothing waits. */
  Reservation reserveBatch() {
    return new Reservation(grantBatch());
  }

  /**
   * One place, whether there is room or not: for a step that was asked for by its id. It waits its turn like the others.
   */
  Reservation reserveAnyway() {
    grantAnyway();
    return new Reservation(1);
  }

  private synchronized int grant(int wanted) {
    int granted = Math.max(0, Math.min(wanted, room()));
    reserved += granted;
    refused |= granted == 0 && wanted > 0;
    return granted;
  }

  private synchronized int grantBatch() {
    int granted = roomIsWorthALook() ? grant(Integer.MAX_VALUE) : 0;
    refused |= granted == 0;
    return granted;
  }

  private synchronized void grantAnyway() {
    reserved++;
  }

  private void giveUp(int unused) {
    boolean tell;
    synchronized (this) {
      reserved -= unused;
      tell = unused > 0 && tellOfRoom();
    }
    if (tell) {
      roomCameFree.run();
    }
  }

  private boolean roomIsWorthALook() {
    return waiting.isEmpty() || 2 * room() >= parallel + prefetch();
  }

  private boolean tellOfRoom() {
    boolean tell = refused && room() > 0 && roomIsWorthALook();
    refused &= !tell;
    return tell;
  }

  /** From now on so many attempts may run at once; where that is fewer than run now, those go on. */
  void widen(int newParallel) {
    List<Attempt> next = new ArrayList<>();
    synchronized (this) {
      parallel = newParallel;
      while (places < parallel && !waiting.isEmpty()) {
        next.add(waiting.pollFirst());
        places++;
      }
    }
    next.forEach(queue::offer);
    roomCameFree.run();
  }

  private int room() {
    return parallel + prefetch() - places - waiting.size() - reserved;
  }

  private int prefetch() {
    double average = averageNanos;
    if (begun > 0) {
      average = Math.max(average, nanoTime.getAsLong() - (double) begunNanos / begun);
    }
    return (int) Math.min(MOST_WAITING, parallel * HORIZON_NANOS / average);
  }

  private void submit(Attempt attempt) {
    synchronized (this) {
      reserved--;
      if (places >= parallel) {
        waiting.addLast(attempt);
        return;
      }
      places++;
    }
    queue.offer(attempt);
  }

  private synchronized void succeedTo() {
    reserved--;
  }

  private synchronized boolean occupy() {
    if (places >= parallel) {
      return false;
    }
    reserved--;
    places++;
    return true;
  }

  /** A handler begins to run in the place that its attempt has. */
  synchronized void begin(long nanos) {
    begun++;
    begunNanos += nanos;
  }

  /** The handler that began at {@code nanos} has ended. */
  synchronized void end(long nanos) {
    begun--;
    begunNanos -= nanos;
    averageNanos += WEIGHT * (Math.max(1, nanoTime.getAsLong() - nanos) - averageNanos);
  }

  /** An attempt has ended, and gives its place to the next one. */
  void leave() {
    Attempt next;
    boolean tell;
    synchronized (this) {
      places--;
      next = places < parallel ? waiting.pollFirst() : null;
      if (next != null) {
        places++;
      }
      tell = tellOfRoom();
    }
    if (next != null) {
      queue.offer(next);
    }
    if (tell) {
      roomCameFree.run();
    }
  }

  /** The handler that began at {@code nanos} waits for others, and lends them its place. */
  void lend(long nanos) {
    synchronized (this) {
      begun--;
      begunNanos -= nanos;
    }
    leave();
  }

  /** The handler takes its place back. If that was given away meanwhile, one more runs than the limit, until one ends. */
  synchronized void reclaim(long nanos) {
    places++;
    begun++;
    begunNanos += nanos;
  }

  /** Takes out an attempt that no thread has taken yet; the one that has taken it lets it go by itself. */
  void drop(Attempt attempt) {
    boolean waited;
    boolean tell = false;
    synchronized (this) {
      waited = waiting.remove(attempt);
      tell = waited && tellOfRoom();
    }
    if (tell) {
      roomCameFree.run();
    }
    if (!waited && queue.withdraw(attempt)) {
      leave();
    }
  }

  /** Whether there is nothing that the calling handler thread could run now. */
  boolean idle() {
    synchronized (this) {
      if (!waiting.isEmpty()) {
        return false;
      }
    }
    return queue.isEmpty();
  }

  synchronized Load load() {
    return new Load(places, waiting.size());
  }
}
