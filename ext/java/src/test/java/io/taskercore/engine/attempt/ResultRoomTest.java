package io.taskercore.engine.attempt;

import static org.assertj.core.api.Assertions.assertThat;

import io.taskercore.testing.Await;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class ResultRoomTest {

  private final ResultRoom room = new ResultRoom(10);
  private final Thread handler = new Thread(room::await, "waits for room");

  @AfterEach
  void end() {
    room.close();
  }

  private void awaitThatItWaits() {
    handler.start();
    Await.until("the handler's thread waits", () -> handler.getState() == Thread.State.TIMED_WAITING);
  }

  @Test
  void whereThereIsRoomNobodyWaits() {
    room.add(10);

    room.await();

    assertThat(room.bytes()).isEqualTo(10);
  }

  @Test
  void whoHasAddedTooMuchWaitsUntilEnoughOfItIsRecorded() {
    room.add(15);
    awaitThatItWaits();

    room.remove(4);
    assertThat(handler.isAlive()).isTrue();
    room.remove(1);

    Await.until("it goes on", () -> !handler.isAlive());
  }

  @Test
  void atTheEndNobodyWaits() {
    room.add(15);
    awaitThatItWaits();

    room.close();

    Await.until("it goes on", () -> !handler.isAlive());
  }

  @Test
  void anInterruptIsForWhatComesNext() {
    room.add(15);
    awaitThatItWaits();

    handler.interrupt();

    Await.until("it goes on", () -> !handler.isAlive());
  }
}
