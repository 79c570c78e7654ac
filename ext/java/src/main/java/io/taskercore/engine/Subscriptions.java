package io.taskercore.engine;

import io.taskercore.event.EventPattern;
import io.taskercore.event.EventPublisher;
import io.taskercore.event.Subscription;
import io.taskercore.model.TaskerException;
import java.util.HashSet;
import java.util.Set;

/** One coordinator's subscriptions: they end with it. */
final class Subscriptions {

  /** How long the end waits for each subscriber to receive what is queued for it. */
  private static final long LAST_EVENTS_MS = 1_000;

  private final EventPublisher publisher;
  private final Set<Subscription> all = new HashSet<>();
  private boolean over;

  Subscriptions(EventPublisher publisher) {
    this.publisher = publisher;
  }

  synchronized Subscription add(EventPattern pattern, int queueSize) {
    if (over) {
      throw new TaskerException.Closed("The coordinator");
    }
    Subscription subscription = publisher.subscribe(pattern, queueSize);
    all.add(subscription);
    return subscription;
  }

  /** @return false if it is not, or no longer, one of these */
  boolean remove(Subscription subscription) {
    boolean ours;
    synchronized (this) {
      ours = all.remove(subscription);
    }
    if (ours) {
      subscription.close();
    }
    return ours;
  }

  /** Lets nothing more in, and forgets the subscribers once they have received the last events. */
  void end() {
    Set<Subscription> last;
    synchronized (this) {
      over = true;
      last = Set.copyOf(all);
      all.clear();
    }
    last.forEach(Subscription::end);
    last.forEach(subscription -> subscription.awaitDelivery(LAST_EVENTS_MS));
    last.forEach(Subscription::close);
  }
}
