package io.taskercore.event;

import java.util.ArrayDeque;
import java.util.Comparator;
import java.util.Deque;
import java.util.List;
import java.util.PriorityQueue;
import java.util.TreeSet;
import java.util.function.Consumer;

/**
 * Brings what several threads have committed into the order of the database.
 *
 * <p>Two threads that commit one after the other may come here the other way round: one enqueues a step, the other claims it,
 * and the second is told first. So each takes a ticket before its transaction begins, and comes back with the newest id that it
 * has written to the transition log. That id is drawn under the locks of the rows that were changed, so of two transactions that
 * build on each other, the later one has the higher id. Whatever comes before an id, then, has taken its ticket before that id
 * was handed in: once those tickets are back, all that is up to the id is here, and is passed on in the order of the ids.
 */
final class CommitOrder {

  /** What one transaction has to tell. */
  private record Group(long order, long arrival, List<Event> events) {}

  /** Once all tickets below this one are back, everything up to the order may go. */
  private record Due(long ticket, long order) {}

  private final Consumer<Event> next;
  private final TreeSet<Long> open = new TreeSet<>();
  private final Deque<Due> dues = new ArrayDeque<>();
  private final PriorityQueue<Group> waiting =
      new PriorityQueue<>(Comparator.comparingLong(Group::order).thenComparingLong(Group::arrival));
  private long tickets;
  private long arrivals;
  private long newest;
  private int waitingEvents;

  /** @param next where the events go, in order; called with the lock held, so must not wait */
  CommitOrder(Consumer<Event> next) {
    this.next = next;
  }

  synchronized long takeTicket() {
    open.add(tickets);
    return tickets++;
  }

  /** The transaction has told nothing, or never came to be. */
  synchronized void giveBack(long ticket) {
    open.remove(ticket);
    passOn();
  }

  /**
   * The transaction is committed.
   *
   * @param order the newest id that it has written to the transition log; 0: it comes before all that is said of its tasks
   * @param room how many events may wait for others at most
   * @return false if too many wait already, and these are dropped
   */
  synchronized boolean commit(long ticket, long order, List<Event> events, int room) {
    open.remove(ticket);
    newest = Math.max(newest, order);
    boolean added = add(order, events, room);
    passOn();
    return added;
  }

  /** Something that is in no log: it comes after all that was committed so far. */
  synchronized boolean append(Event event, int room) {
    boolean added = add(newest, List.of(event), room);
    passOn();
    return added;
  }

  private boolean add(long order, List<Event> events, int room) {
    if (waitingEvents > room) {
      return false;
    }
    waiting.add(new Group(order, arrivals++, events));
    waitingEvents += events.size();
    dues.addLast(new Due(tickets, order));
    return true;
  }

  private void passOn() {
    while (!dues.isEmpty() && (open.isEmpty() || open.first() >= dues.peekFirst().ticket())) {
      long order = dues.pollFirst().order();
      while (!waiting.isEmpty() && waiting.peek().order() <= order) {
        Group group = waiting.poll();
        waitingEvents -= group.events().size();
        group.events().forEach(next);
      }
    }
  }
}
