package io.taskercore.engine;

import io.taskercore.config.OrchestrationConfig;
import io.taskercore.event.Event;
import io.taskercore.event.EventPattern;
import io.taskercore.event.EventReader;
import io.taskercore.event.Subscription;
import io.taskercore.model.Json;
import io.taskercore.model.TaskerException;
import java.util.function.Supplier;

/** Events, for listeners in this JVM. */
public final class Events {

  private final Supplier<CoreRuntime> open;
  private final Subscriptions subscriptions;
  private final Supplier<OrchestrationConfig> config;

  /** @param open throws if the coordinator is closed */
  Events(Supplier<CoreRuntime> open, Subscriptions subscriptions, Supplier<OrchestrationConfig> config) {
    this.open = open;
    this.subscriptions = subscriptions;
    this.config = config;
  }

  /**
   * Passes an event of the application on to the listeners on this database in this JVM.
   *
   * @return the event as it was published
   * @throws TaskerException.Validation if it is not an event, or has a name of the core's events
   */
  public Json publishEvent(Json document) {
    CoreRuntime runtime = open.get();
    Event event = EventReader.read(document, runtime.clock().instant());
    runtime.publisher().publish(event);
    return event.json();
  }

  /**
   * Queues events from now on: the core's, about what this JVM commits on the database, and the application's.
   *
   * @param pattern {@code *}, {@code task.*} or a whole name
   * @throws TaskerException.Validation if it is none of these
   */
  public Subscription subscribe(String pattern) {
    open.get();
    return subscriptions.add(EventPattern.of(pattern), config.get().eventQueueSize());
  }

  /** @return false if it is not, or no longer, a subscription of this coordinator */
  public boolean unsubscribe(Subscription subscription) {
    open.get();
    return subscriptions.remove(subscription);
  }
}
