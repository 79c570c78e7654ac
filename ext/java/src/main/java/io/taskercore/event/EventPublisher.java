package io.taskercore.event;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/**
 * Passes on what this process has committed: at most once, in order per task, through a bounded queue for each subscriber.
 *
 * <p>It has no thread. The thread that has committed something puts the events into the queues, which never waits; the subscribers' own
 * threads take them out. While nobody listens, a transaction costs one look at an empty list.
 */
public final class EventPublisher {

  private final List<Subscription> subscriptions = new CopyOnWriteArrayList<>();
  private final CommitOrder order = new CommitOrder(this::pass);
  private final Losses losses;
  private volatile int room;

  public EventPublisher(Losses losses) {
    this.losses = losses;
  }

  /**
   * From here on, events that match are queued.
   *
   * @param capacity how many may wait for the subscriber at most
   */
  public Subscription subscribe(EventPattern pattern, int capacity) {
    Subscription subscription = new Subscription(pattern, capacity, this);
    room = Math.max(room, capacity);
    subscriptions.add(subscription);
    return subscription;
  }

  /** Must be called before a transaction begins, as late as possible: what others commit meanwhile waits for its end. */
  public Publication begin() {
    return subscriptions.isEmpty() ? Publication.UNHEARD : new Publication(this, order.takeTicket());
  }

  /** An event of the application's. */
  public void publish(Event event) {
    if (!subscriptions.isEmpty() && !order.append(event, room)) {
      losses.dropped(1);
    }
  }

  void commit(long ticket, long newest, List<Event> events) {
    if (events.isEmpty()) {
      order.giveBack(ticket);
    } else if (!order.commit(ticket, newest, events, room)) {
      losses.dropped(events.size());
    }
  }

  void giveUp(long ticket) {
    order.giveBack(ticket);
  }

  /** An event could not be made. */
  public void lost() {
    losses.dropped(1);
  }

  void remove(Subscription subscription) {
    subscriptions.remove(subscription);
  }

  Losses losses() {
    return losses;
  }

  private void pass(Event event) {
    for (Subscription subscription : subscriptions) {
      if (subscription.hears(event.name())) {
        subscription.offer(event);
      }
    }
  }
}
