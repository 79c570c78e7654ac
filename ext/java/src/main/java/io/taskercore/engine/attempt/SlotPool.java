package io.taskercore.engine.attempt;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * One coordinator's share of the handler threads: it bounds how many attempts run at once, and how many claimed attempts wait behind
 * them.
 *
 * <p>How many may wait follows from how long handlers take: as many as are finished within a tenth of a second. So short steps are
 * claimed by the hundred, and long steps are left to other processes.
 */
public final class SlotPool {

  private static final double HORIZON_NANOS = TimeUnit.MILLISECONDS.toNanos(100);
  private static final int MOST_WAITING = 1_000;

  /** The weight of the newest attempt in the average. */
  private static final double WEIGHT = 0.1;

  private final AttemptQueue queue;
  private final Deque<Attempt> waiting = new ArrayDeque<>();
  private final DeafHandlers<Attempt> deaf = new DeafHandlers<>();
  private final Runnable roomCameFree;
  private final LongSupplier nanoTime;
  private int parallel;
  private double averageNanos = HORIZON_NANOS;
  private int taken;
  private int reserved;
  private boolean refused;

  /** Slots that came free and are kept for the next {@link #reserveBatchWithSlots}. They count as taken. */
  private int kept;
  private boolean slotWanted;

  /** How many handlers run now, and the sum of the times at which they began. They too show how long handlers take. */
  private int begun;
  private long begunNanos;

  /** How much is going on. */
  public record Load(int running, int waiting) {}

  /** @param roomCameFree called when there is room again after somebody was refused; must not block */
  public SlotPool(AttemptQueue queue, int parallel, LongSupplier nanoTime, Runnable roomCameFree) {
    this.queue = queue;
    this.parallel = parallel;
    this.nanoTime = nanoTime;
    this.roomCameFree = roomCameFree;
  }

  /** Room set aside for claims that are about to be made. Each part of it is taken by an attempt, or given up by {@link #close}. */
  public final class Reservation implements AutoCloseable {

    private int size;

    /** How many slots are held free, in addition to {@link #size}. */
    private int held;

    private Reservation(int size) {
      this(size, 0);
    }

    private Reservation(int size, int held) {
      this.size = size;
      this.held = held;
    }

    /** How many claims there is room for, in slots that are held free or elsewhere. */
    public int size() {
      return size + held;
    }

    /** How many of them certainly begin at once, because slots are held free for them. */
    public int held() {
      return held;
    }

    /** Adds room for one more, if there is any. */
    public boolean extend() {
      int more = grant(1, 0);
      size += more;
      return more > 0;
    }

    /** Adds room for one more, whether there is any or not. */
    public void extendAnyway() {
      grantAnyway();
      size++;
    }

    /** Splits off some of it, for claims that arrive later than the others. */
    public Reservation split(int some) {
      size -= some;
      return new Reservation(some);
    }

    /** Lets a claimed attempt run as soon as it may. */
    public void submit(Attempt attempt) {
      size--;
      SlotPool.this.submit(attempt);
    }

    /** The same for all that was claimed. Slots that are held free go to steps that were claimed apart, then to the first of the others. */
    public void submit(List<Attempt> attempts) {
      int apart = (int) attempts.stream().filter(attempt -> attempt.step().apart()).count();
      int spare = held - apart;
      for (Attempt attempt : attempts) {
        if (!attempt.step().apart() && spare <= 0) {
          submit(attempt);
        } else {
          spare -= attempt.step().apart() ? 0 : 1;
          held--;
          queue.offer(attempt);
        }
      }
    }

    /** Lets a claimed attempt have the slot of another one, which has ended and does not {@link SlotPool#release} it. */
    public void succeedTo() {
      size--;
      SlotPool.this.succeedTo();
    }

    /** Gives a claimed attempt a free slot, for a thread that is at hand; false if there is none. */
    public boolean occupy() {
      boolean occupied = SlotPool.this.occupy();
      size -= occupied ? 1 : 0;
      return occupied;
    }

    @Override
    public void close() {
      for (; held > 0; held--) {
        release();
      }
      giveUp(size);
      size = 0;
    }
  }

  public Reservation reserve(int wanted) {
    return new Reservation(grant(wanted, 0));
  }

  /** The same. Free slots are taken first, and held free for it. */
  public synchronized Reservation reserveWithSlots(int wanted) {
    int held = hold(wanted);
    return new Reservation(grant(wanted - held, held), held);
  }

  /** All room, if it is enough to be worth a look at the queue: half of the total, or any room while nothing waits. */
  public Reservation reserveBatch() {
    letSlotsGo();
    return new Reservation(grantBatch(0));
  }

  /**
   * The same. Free slots are taken first, and held free for it. If none is free, the next one to come free is kept for the next such
   * call.
   */
  public synchronized Reservation reserveBatchWithSlots() {
    int held = kept + hold(Integer.MAX_VALUE);
    kept = 0;
    slotWanted = held == 0;
    return new Reservation(grantBatch(held), held);
  }

  /** Nobody wants a slot to be held free any more. */
  public void letSlotsGo() {
    int free;
    synchronized (this) {
      free = kept;
      kept = 0;
      slotWanted = false;
    }
    for (; free > 0; free--) {
      release();
    }
  }

  private int hold(int wanted) {
    int held = Math.max(0, Math.min(Math.min(wanted, room()), parallel - taken));
    taken += held;
    return held;
  }

  /** Lets an attempt that was claimed apart run at once. If need be, one more runs than the limit, until another one ends. */
  public void begin(Attempt attempt) {
    synchronized (this) {
      taken++;
    }
    queue.offer(attempt);
  }

  /** Room for one attempt, whether there is any or not, for a step that was asked for by its id. It waits its turn like the others. */
  public Reservation reserveAnyway() {
    grantAnyway();
    return new Reservation(1);
  }

  /**
   * @param held slots that the same caller was given. With any, it counts as not refused: else it would be told to ask again when it
   *     gives them up
   */
  private synchronized int grant(int wanted, int held) {
    int granted = Math.max(0, Math.min(wanted, room()));
    reserved += granted;
    refused |= granted + held == 0 && wanted > 0;
    return granted;
  }

  private synchronized int grantBatch(int held) {
    int granted = roomIsWorthALook() ? grant(Integer.MAX_VALUE, held) : 0;
    refused |= granted + held == 0;
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

  /** From now on this many attempts may run at once. If more run now, they go on. */
  public void widen(int newParallel) {
    List<Attempt> next = new ArrayList<>();
    synchronized (this) {
      parallel = newParallel;
      while (taken < parallel && !waiting.isEmpty()) {
        next.add(waiting.pollFirst());
        taken++;
      }
    }
    next.forEach(queue::offer);
    roomCameFree.run();
  }

  private int room() {
    return parallel + prefetch() - taken - waiting.size() - reserved;
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
      if (taken >= parallel) {
        waiting.addLast(attempt);
        return;
      }
      taken++;
    }
    queue.offer(attempt);
  }

  private synchronized void succeedTo() {
    reserved--;
  }

  private synchronized boolean occupy() {
    if (taken >= parallel) {
      return false;
    }
    reserved--;
    taken++;
    return true;
  }

  /** A handler begins to run in the slot of its attempt. */
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

  /** An attempt has ended, and gives its slot to the next one. */
  void release() {
    Attempt next;
    boolean tell;
    synchronized (this) {
      taken--;
      boolean free = taken < parallel;
      boolean keep = free && slotWanted;
      next = free && !keep ? waiting.pollFirst() : null;
      if (keep) {
        kept++;
        slotWanted = false;
      }
      if (keep || next != null) {
        taken++;
      }
      tell = tellOfRoom() || keep;
    }
    if (next != null) {
      queue.offer(next);
    }
    if (tell) {
      roomCameFree.run();
    }
  }

  /** The handler that began at {@code nanos} waits for other steps, and lends them its slot. */
  void lend(long nanos) {
    synchronized (this) {
      begun--;
      begunNanos -= nanos;
    }
    release();
  }

  /** The handler takes a slot again. If its own was given away meanwhile, one more runs than the limit, until one ends. */
  synchronized void reclaim(long nanos) {
    taken++;
    begun++;
    begunNanos += nanos;
  }

  /** Takes out an attempt that no thread has taken yet. A thread that has taken it lets it go by itself. */
  void remove(Attempt attempt) {
    boolean waited;
    boolean tell = false;
    synchronized (this) {
      waited = waiting.remove(attempt);
      tell = waited && tellOfRoom();
    }
    if (tell) {
      roomCameFree.run();
    }
    if (!waited && queue.remove(attempt)) {
      release();
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

  public synchronized Load load() {
    return new Load(taken - kept, waiting.size());
  }

  /** How many attempts run at once at most. */
  public synchronized int parallel() {
    return parallel;
  }

  /** Those that keep their slots although they should end. */
  public DeafHandlers<Attempt> deaf() {
    return deaf;
  }
}
