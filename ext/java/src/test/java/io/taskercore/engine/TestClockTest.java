package io.taskercore.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.taskercore.engine.clock.Deadline;
import io.taskercore.engine.clock.TestClock;
import io.taskercore.engine.clock.Timers;
import io.taskercore.model.TaskerException;
import io.taskercore.testing.Engine;
import io.taskercore.testing.Handlers;
import io.taskercore.testing.Workflow;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** A clock that is moved, and what goes by it. */
class TestClockTest {

  private static final long HOUR_MS = TimeUnit.HOURS.toMillis(1);

  private final TestClock clock = new TestClock();

  @RegisterExtension
  final Engine engine = Engine.start();

  @Test
  void timers_that_are_due_have_run_when_the_move_returns_and_others_have_not() throws Exception {
    try (Timers timers = new Timers(clock)) {
      clock.add(timers::moved);
      AtomicInteger early = new AtomicInteger();
      AtomicInteger late = new AtomicInteger();
      Future<?> cancelled = timers.in(HOUR_MS, early::incrementAndGet);
      cancelled.cancel(false);
      timers.in(HOUR_MS, early::incrementAndGet);
      Future<?> later = timers.in(3 * HOUR_MS, late::incrementAndGet);

      clock.advance(2 * HOUR_MS);

      assertThat(early).hasValue(1);
      assertThat(late).hasValue(0);
      clock.advance(HOUR_MS - 1);
      later.get(20, TimeUnit.SECONDS); // what is left of its time is a millisecond
      assertThat(late).hasValue(1);
    }
  }

  @Test
  void a_deadline_goes_by_it() {
    Deadline deadline = Deadline.in(HOUR_MS, clock);
    assertThat(deadline.passed()).isFalse();

    clock.advance(HOUR_MS);

    assertThat(deadline.passed()).isTrue();
    assertThat(deadline.leftMs()).isZero();
  }

  @Test
  void time_does_not_go_back() {
    assertThatThrownBy(() -> clock.advance(-1)).isInstanceOf(IllegalArgumentException.class);
    clock.advance(HOUR_MS);
    clock.rewind();
    assertThat(clock.instant()).isBetween(Instant.now().minusSeconds(60), Instant.now().plusSeconds(60));
  }

  @Test
  void coordinators_on_a_clock_see_its_time_and_those_in_real_time_do_not() {
    Coordinator moved = engine.onClock(clock, new Handlers());
    clock.advance(HOUR_MS);

    assertThat(Duration.between(engine.coordinator().questions().now(), moved.questions().now())).isBetween(
        Duration.ofMinutes(59), Duration.ofMinutes(62));
  }

  @Test
  void only_coordinators_on_a_clock_erase() {
    engine.task(Workflow.named("kept").step("a"));
    assertThatThrownBy(() -> engine.coordinator().erase(List.of("default"))).isInstanceOf(TaskerException.State.class);
    assertThat(engine.database().rowsOfTasks()).isPositive();

    engine.onClock(clock, new Handlers()).erase(List.of("default"));

    assertThat(engine.database().rowsOfTasks()).isZero();
    assertThat(engine.database().number("SELECT count(*) FROM tasker.templates")).isZero();
  }
}
