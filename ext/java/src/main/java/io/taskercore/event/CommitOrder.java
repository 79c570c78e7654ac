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
 * <p>Two threads that commit one after the other may arrive here the other way round: one enqueues a step, the other claims it, and the
 * second is heard first. So each thread takes a ticket before its transaction begins, and comes back with the newest id that it has
 * written to the transition log. That id is drawn under the locks of the rows that were changed. So of two transactions that build on
 * each other, the later one has the higher id. Every transaction with a lower id has therefore taken its ticket before this id was handed
 * in. Once those tickets are back, everything up to the id is here, and is passed on in the order of the ids.
 */
final class CommitOrder {

  /** The events of one transaction. */
  private record Group(long order, long arrival, List<Event> events) {}

  /** Once all tickets below this one are back, everything up to the order may be passed on. */
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

  /** @param next where the events go, in order; called with the lock held, so it must not wait */
  CommitOrder(Consumer<Event> next) {
    this.next = next;
  }

  synchronized long takeTicket() {
    open.add(tickets);
    return tickets++;
  }

  /** The transaction has nothing to tell, or never took place. */
  synchronized void giveBack(long ticket) {
    open.remove(ticket);
    passOn();
  }

  /**
   * The transaction is committed.
   *
   * @param order the newest id that it has written to the transition log; 0: it comes before everything else about its tasks
   * @param room how many events may wait for others at most
   * @return false if too many wait already; then these are dropped
   */
  synchronized boolean commit(long ticket, long order, List<Event> events, int room) {
    open.remove(ticket);
    newest = Math.max(newest, order);
    boolean added = add(order, events, room);
    passOn();
    return added;
  }

  /** An event that is in no log. It comes after everything that was committed so far. */
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
