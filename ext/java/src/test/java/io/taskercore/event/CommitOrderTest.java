package io.taskercore.event;

import static org.assertj.core.api.Assertions.assertThat;

import io.taskercore.model.Json;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CommitOrderTest {

  private static final int ROOM = 100_000;

  private final List<String> passedOn = new ArrayList<>();
  private final CommitOrder order = new CommitOrder(event -> passedOn.add(event.name()));

  private static Event event(String name) {
    return new Event(name, null, null, null, null, null, null, null, null, null, Instant.EPOCH, Json.EMPTY_OBJECT);
  }

  private boolean commit(long ticket, long newest, String... names) {
    return order.commit(ticket, newest, Stream.of(names).map(CommitOrderTest::event).toList(), ROOM);
  }

  @Test
  void whatIsAloneIsPassedOnAtOnce() {
    commit(order.takeTicket(), 7, "a", "b");

    assertThat(passedOn).containsExactly("a", "b");
  }

  @Test
  void whatWasUnderWayAtTheSameTimeIsPassedOnInTheOrderOfTheDatabase() {
    long first = order.takeTicket();
    long second = order.takeTicket();

    commit(second, 9, "later");
    assertThat(passedOn).isEmpty();
    commit(first, 8, "earlier");

    assertThat(passedOn).containsExactly("earlier", "later");
  }

  @Test
  void whatBeginsLaterIsNotWaitedFor() {
    long first = order.takeTicket();
    long second = order.takeTicket();
    commit(second, 9, "later");
    long third = order.takeTicket();
    commit(first, 8, "earlier");

    assertThat(passedOn).containsExactly("earlier", "later");
    order.giveBack(third);
  }

  @Test
  void aTransactionThatCameToNothingIsNotWaitedForAnyLonger() {
    long first = order.takeTicket();
    commit(order.takeTicket(), 9, "a");
    order.giveBack(first);

    assertThat(passedOn).containsExactly("a");
  }

  @Test
  void theCreationOfATaskComesBeforeWhatFollowedFromIt() {
    long creation = order.takeTicket();
    commit(order.takeTicket(), 9, "task.started");
    commit(creation, 0, "task.initialized");

    assertThat(passedOn).containsExactly("task.initialized", "task.started");
  }

  @Test
  void whatIsInNoLogComesAfterWhatWasCommittedBeforeAndBeforeWhatIsCommittedLater() {
    long underWay = order.takeTicket();
    commit(order.takeTicket(), 9, "step.started");
    order.append(event("order.told"), ROOM);
    commit(order.takeTicket(), 10, "step.completed");
    order.giveBack(underWay);

    assertThat(passedOn).containsExactly("step.started", "order.told", "step.completed");
  }

  @Test
  void whenTooManyWaitFurtherOnesAreDropped() {
    long underWay = order.takeTicket();

    assertThat(order.commit(order.takeTicket(), 5, List.of(event("a"), event("b")), 1)).isTrue();
    assertThat(order.commit(order.takeTicket(), 6, List.of(event("c")), 1)).isFalse();
    assertThat(order.append(event("d"), 1)).isFalse();
    order.giveBack(underWay);
    assertThat(passedOn).containsExactly("a", "b");
    assertThat(order.commit(order.takeTicket(), 7, List.of(event("e")), 1)).isTrue();
  }

  /** Transactions on a few tasks that overlap at random; those on the same task lock each other out, as in the database. */
  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
  void theOrderOfEachTaskIsKeptWhateverOverlaps(long seed) {
    record Transaction(long ticket, int task, long newest) {}
    Random random = new Random(seed);
    List<Transaction> running = new ArrayList<>();
    List<Transaction> committed = new ArrayList<>();
    Map<String, List<String>> expected = new HashMap<>();
    long log = 0;
    for (int i = 0; i < 5_000; i++) {
      switch (random.nextInt(4)) {
        case 0, 1 -> running.add(new Transaction(order.takeTicket(), random.nextInt(3), 0));
        case 2 -> {
          if (!running.isEmpty()) {
            Transaction one = running.remove(random.nextInt(running.size()));
            committed.add(new Transaction(one.ticket(), one.task(), ++log));
            expected.computeIfAbsent("t" + one.task(), task -> new ArrayList<>()).add("t" + one.task() + "." + log);
          }
        }
        default -> {
          Collections.shuffle(committed, random);
          if (!committed.isEmpty()) {
            Transaction one = committed.remove(0);
            commit(one.ticket(), one.newest(), "t" + one.task() + "." + one.newest());
          }
        }
      }
    }
    committed.forEach(one -> commit(one.ticket(), one.newest(), "t" + one.task() + "." + one.newest()));
    running.forEach(one -> order.giveBack(one.ticket()));

    Map<String, List<String>> told = new HashMap<>();
    passedOn.forEach(name -> told.computeIfAbsent(name.substring(0, 2), task -> new ArrayList<>()).add(name));
    assertThat(told).isEqualTo(expected);
  }
}
