package io.taskercore.engine.housekeeping;

import static org.assertj.core.api.Assertions.assertThat;

import io.taskercore.store.ProcessStore.Lapse;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;

/** In leases of 100 ns, each renewed three times. */
class LapsesTest {

  private static final Instant THEN = Instant.parse("2026-01-01T00:00:00Z");

  private final Lapses lapses = new Lapses(100);

  private static Lapse lapse(Instant leaseUntil) {
    return new Lapse(1, leaseUntil, false, false);
  }

  private boolean isDead(Lapse lapse, long nanos, boolean calm) {
    return !lapses.dead(List.of(lapse), nanos, nanos / 33, calm).isEmpty();
  }

  @Test
  void whileAllIsCalmALeaseThatHasLapsedSaysIt() {
    assertThat(isDead(lapse(THEN), 0, true)).isTrue();
  }

  @Test
  void afterTroubleItTakesThreeLeasesInWhichItIsNotRenewed() {
    assertThat(isDead(lapse(THEN), 0, false)).isFalse();
    assertThat(isDead(lapse(THEN), 290, false)).isFalse();
    assertThat(isDead(lapse(THEN), 310, false)).isTrue();
  }

  @Test
  void whoRenewsMeanwhileBeginsAnew() {
    assertThat(isDead(lapse(THEN), 0, false)).isFalse();
    assertThat(isDead(lapse(THEN.plusMillis(1)), 290, false)).isFalse();
    assertThat(isDead(lapse(THEN.plusMillis(1)), 400, false)).isFalse();
    assertThat(isDead(lapse(THEN.plusMillis(1)), 600, false)).isTrue();
  }

  @Test
  void whoWasBackBetweenIsSeenAnew() {
    assertThat(isDead(lapse(THEN), 0, false)).isFalse();
    assertThat(lapses.dead(List.of(), 150, 4, false)).isEmpty();
    assertThat(lapses.isWatching()).isFalse();
    assertThat(isDead(lapse(THEN), 310, false)).isFalse();
  }

  @Test
  void timeAloneSaysNothingIfThisProcessHasNotRenewedEither() {
    assertThat(lapses.dead(List.of(lapse(THEN)), 0, 5, false)).isEmpty();

    assertThat(lapses.dead(List.of(lapse(THEN)), 10_000, 6, false)).isEmpty();
  }

  @Test
  void aLeaseThatEndsTooLateSaysNothingEvenWhileAllIsCalm() {
    Lapse ahead = new Lapse(1, THEN, false, true);

    assertThat(isDead(ahead, 0, true)).isFalse();
    assertThat(isDead(ahead, 310, true)).isTrue();
  }

  @Test
  void whoHasLeftInOrderHasSaidSoItself() {
    assertThat(isDead(new Lapse(1, THEN, true, false), 0, false)).isTrue();
  }
}
