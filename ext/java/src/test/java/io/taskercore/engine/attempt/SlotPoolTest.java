package io.taskercore.engine.attempt;

import static org.assertj.core.api.Assertions.assertThat;

import io.taskercore.model.ClaimedStep;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class SlotPoolTest {

  private final AtomicInteger told = new AtomicInteger();
  private final AttemptQueue queue = new AttemptQueue();

  /** Two at once, and two behind them, for a handler is taken to run for a tenth of a second. */
  private final SlotPool slots = new SlotPool(queue, 2, () -> 0, told::incrementAndGet);

  private static Attempt attempt() {
    return attempt(false);
  }

  private static Attempt attempt(boolean apart) {
    ClaimedStep step = new ClaimedStep(1, 65_536, "a", "a", List.of(), List.of(), 1, 1, 3, 1, apart, false);
    return new Attempt(step, null, Map.of(), null, null, 0, 0);
  }

  private void fill() {
    try (SlotPool.Reservation room = slots.reserveBatch()) {
      assertThat(room.size()).isEqualTo(4);
      for (int i = 0; i < 4; i++) {
        room.submit(attempt());
      }
    }
  }

  @Test
  void whoWasRefusedABatchIsToldOnceThereIsRoomForOne() {
    fill();
    try (SlotPool.Reservation none = slots.reserveBatch()) {
      assertThat(none.size()).isZero();
    }

    slots.release();
    assertThat(told).as("room for one, where a look is worth it for two").hasValue(0);
    slots.release();

    assertThat(told).hasValue(1);
    assertThat(slots.reserveBatch().size()).isEqualTo(2);
  }

  @Test
  void whoWasRefusedOnePlaceIsTold() {
    fill();
    try (SlotPool.Reservation none = slots.reserve(1)) {
      assertThat(none.size()).isZero();
    }

    slots.release();
    slots.release();

    assertThat(told).hasValue(1);
  }

  @Test
  void slotsThatAreHeldFreeAreForWhatIsToBeginAtOnce() {
    try (SlotPool.Reservation room = slots.reserveBatchWithSlots()) {
      assertThat(room.size()).isEqualTo(4);
      assertThat(room.held()).isEqualTo(2);
      room.submit(List.of(attempt(), attempt(true), attempt(true)));
      assertThat(room.held()).isZero();
    }

    assertThat(slots.load()).isEqualTo(new SlotPool.Load(2, 1));
  }

  @Test
  void whatIsLeftOfThemIsForTheFirstOfTheOthers() {
    Attempt first = attempt();
    try (SlotPool.Reservation room = slots.reserveBatchWithSlots()) {
      room.submit(List.of(first, attempt(), attempt(true)));
    }

    assertThat(queue.isEmpty()).isFalse();
    assertThat(queue.remove(first)).isTrue();
    assertThat(slots.load()).isEqualTo(new SlotPool.Load(2, 1));
  }

  @Test
  void aSlotThatWasHeldFreeForNothingGoesToWhoWaits() {
    try (SlotPool.Reservation room = slots.reserveBatchWithSlots()) {
      room.submit(attempt());
      assertThat(slots.load()).isEqualTo(new SlotPool.Load(2, 1));
    }

    assertThat(slots.load()).isEqualTo(new SlotPool.Load(1, 0));
  }

  @Test
  void whereNoSlotIsFreeTheNextOneIsKeptForWhoWantsToHoldIt() {
    fill();
    try (SlotPool.Reservation none = slots.reserveBatchWithSlots()) {
      assertThat(none.size()).isZero();
    }

    slots.release();

    assertThat(told).hasValue(1);
    assertThat(slots.load()).isEqualTo(new SlotPool.Load(1, 2));
    try (SlotPool.Reservation room = slots.reserveBatchWithSlots()) {
      assertThat(room.held()).isEqualTo(1);
      room.submit(List.of(attempt(true)));
    }
    assertThat(slots.load()).isEqualTo(new SlotPool.Load(2, 2));
  }

  @Test
  void aKeptSlotGoesToWhoWaitsOnceNobodyWantsIt() {
    fill();
    slots.reserveBatchWithSlots().close();
    slots.release();
    assertThat(slots.load()).isEqualTo(new SlotPool.Load(1, 2));

    slots.letSlotsGo();

    assertThat(slots.load()).isEqualTo(new SlotPool.Load(2, 1));
  }

  @Test
  void whoAskedForNothingIsNotToldOfRoom() {
    fill();
    slots.reserve(0).close();

    slots.release();
    slots.release();

    assertThat(told).hasValue(0);
  }

  /** Where none may wait behind those that run, for handlers take long. */
  private static SlotPool ofLongHandlers(AtomicInteger told) {
    AtomicLong nanos = new AtomicLong();
    SlotPool slots = new SlotPool(new AttemptQueue(), 2, nanos::get, told::incrementAndGet);
    slots.begin(0);
    nanos.set(TimeUnit.SECONDS.toNanos(1));
    return slots;
  }

  @Test
  void whoWasGivenSlotsAndTakesNoneIsNotToldByGivingThemUp() {
    SlotPool slots = ofLongHandlers(told);

    try (SlotPool.Reservation batch = slots.reserveBatchWithSlots()) {
      assertThat(batch.size()).isEqualTo(2);
    }
    try (SlotPool.Reservation three = slots.reserveWithSlots(3)) {
      assertThat(three.size()).isEqualTo(2);
    }

    assertThat(told).as("or it looked again and again").hasValue(0);
  }

  @Test
  void whoWasGivenNoSlotIsToldOnceOneIsFree() {
    SlotPool slots = ofLongHandlers(told);
    SlotPool.Reservation all = slots.reserveBatchWithSlots();
    all.submit(List.of(attempt(), attempt()));

    assertThat(slots.reserveWithSlots(3).size()).isZero();
    slots.release();

    assertThat(told).hasValue(1);
  }
}
