package io.taskercore.event;

import java.util.List;

/**
 * The events of one transaction. It is begun before the transaction, so that the order of commits can be kept, and committed after it, or
 * given up by {@link #close}.
 */
public final class Publication implements AutoCloseable {

  /** While nobody listens, all transactions share this one. */
  static final Publication UNHEARD = new Publication(null, -1);

  private final EventPublisher publisher;
  private final long ticket;
  private boolean over;

  Publication(EventPublisher publisher, long ticket) {
    this.publisher = publisher;
    this.ticket = ticket;
  }

  /** Whether events are worth making. */
  public boolean isHeard() {
    return publisher != null;
  }

  /**
   * The transaction is committed.
   *
   * @param order the newest id that it has written to the transition log; 0 if it has written none because it created the tasks
   */
  public void commit(long order, List<Event> events) {
    if (isHeard() && !over) {
      over = true;
      publisher.commit(ticket, order, events);
    }
  }

  /** Gives up what was not committed. */
  @Override
  public void close() {
    if (isHeard() && !over) {
      over = true;
      publisher.giveUp(ticket);
    }
  }
}
