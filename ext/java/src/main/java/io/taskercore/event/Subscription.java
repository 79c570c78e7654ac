package io.taskercore.event;

import io.taskercore.model.Json;
import io.taskercore.model.JsonWriter;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One subscriber's queue of events; a thread of the subscriber takes them from it.
 *
 * <ol>
 *   <li>While it is open, events that match are added. Events that find the queue full are dropped and counted, so a slow subscriber
 *       loses its own events and holds nobody up.
 *   <li>{@link #end} lets no more in; what is there may still be taken.
 *   <li>{@link #close} throws away what is there.
 * </ol>
 */
public final class Subscription implements AutoCloseable {

  private static final Logger LOG = LoggerFactory.getLogger(Subscription.class);

  private final EventPattern pattern;
  private final int capacity;
  private final EventPublisher publisher;

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final Deque<Event> events = new ArrayDeque<>();
  private boolean open = true;
  private boolean delivering;
  private boolean overflowing;
  private long delivered;
  private long dropped;
  private long failed;

  Subscription(EventPattern pattern, int capacity, EventPublisher publisher) {
    this.pattern = pattern;
    this.capacity = capacity;
    this.publisher = publisher;
  }

  public String pattern() {
    return pattern.toString();
  }

  /** Whether events still come. */
  public boolean isOpen() {
    lock.lock();
    try {
      return open;
    } finally {
      lock.unlock();
    }
  }

  /** How many events were {@code delivered}, are {@code waiting}, were {@code dropped} for lack of room, and {@code failed}. */
  public Json stats() {
    lock.lock();
    try {
      return JsonWriter.object(out -> out
          .put("delivered", delivered)
          .put("waiting", events.size())
          .put("dropped", dropped)
          .put("failed", failed));
    } finally {
      lock.unlock();
    }
  }

  /**
   * Waits for the next event. Asking for the next event also says that the last one has been dealt with.
   *
   * @return null if there will be no more events
   */
  public Event take() throws InterruptedException {
    lock.lockInterruptibly();
    try {
      delivering = false;
      changed.signalAll();
      while (events.isEmpty()) {
        if (!open) {
          return null;
        }
        changed.await();
      }
      delivering = true;
      delivered++;
      overflowing = false;
      return events.pollFirst();
    } finally {
      lock.unlock();
    }
  }

  /** The subscriber has failed on the event that it took last. */
  public void countFailure() {
    lock.lock();
    try {
      failed++;
    } finally {
      lock.unlock();
    }
    publisher.losses().failed();
  }

  boolean hears(String name) {
    return pattern.matches(name);
  }

  void offer(Event event) {
    boolean first;
    lock.lock();
    try {
      if (!open) {
        return;
      }
      if (events.size() < capacity) {
        events.addLast(event);
        changed.signalAll();
        return;
      }
      dropped++;
      first = !overflowing;
      overflowing = true;
    } finally {
      lock.unlock();
    }
    publisher.losses().dropped(1);
    if (first) {
      LOG.warn("events: a subscriber of {} is slow: {} events wait, and further ones are dropped", pattern, capacity);
    }
  }

  /** Lets no more events in. */
  public void end() {
    publisher.remove(this);
    lock.lock();
    try {
      open = false;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /** Waits until all events have been taken and dealt with, but not longer than this, because the subscriber may be asleep. */
  public void awaitDelivery(long timeoutMs) {
    long nanos = TimeUnit.MILLISECONDS.toNanos(timeoutMs);
    lock.lock();
    try {
      while ((delivering || !events.isEmpty()) && nanos > 0) {
        nanos = changed.awaitNanos(nanos);
      }
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
    } finally {
      lock.unlock();
    }
  }

  /** Ends it at once: what has not been taken never will be. */
  @Override
  public void close() {
    end();
    lock.lock();
    try {
      events.clear();
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }
}
