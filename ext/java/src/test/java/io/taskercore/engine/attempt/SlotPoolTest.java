package io.taskercore.engine.attempt;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class SlotPoolTest {

  private final AtomicInteger told = new AtomicInteger();

  /** Two at once, and two behind them, for a handler is taken to run for a tenth of a second. */
  private final SlotPool slots = new SlotPool(new AttemptQueue(), 2, () -> 0, told::incrementAndGet);

  private static Attempt attempt() {
    return new Attempt(null, null, Map.of(), null, null, 0, 0);
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
  void whoAskedForNothingIsNotToldOfRoom() {
    fill();
    slots.reserve(0).close();

    slots.release();
    slots.release();

    assertThat(told).hasValue(0);
  }
}
