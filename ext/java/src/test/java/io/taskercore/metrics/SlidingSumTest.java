package io.taskercore.metrics;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class SlidingSumTest {

  private long nanos = -5;
  private final SlidingSum sum = new SlidingSum(() -> nanos);

  private void pass(long seconds) {
    nanos += TimeUnit.SECONDS.toNanos(seconds);
  }

  private void add(int times) {
    for (int i = 0; i < times; i++) {
      sum.add(3, nanos);
    }
  }

  @Test
  void isZeroAtTheBeginning() {
    assertThat(sum.totals().perSecond()).isZero();
    assertThat(sum.totals().average()).isZero();
  }

  @Test
  void takesTheTimeSinceTheBeginningWhileThatIsLessThanAMinute() {
    add(10);
    assertThat(sum.totals().perSecond()).isEqualTo(10);
    pass(20);
    assertThat(sum.totals().perSecond()).isEqualTo(0.5);
    assertThat(sum.totals().average()).isEqualTo(3);
  }

  @Test
  void forgetsWhatIsAMinuteOld() {
    add(60);
    pass(30);
    add(30);
    pass(29);
    assertThat(sum.totals().count()).isEqualTo(90);
    pass(1);
    assertThat(sum.totals().count()).isEqualTo(30);
    assertThat(sum.totals().perSecond()).isEqualTo(0.5);
    pass(30);
    assertThat(sum.totals().count()).isZero();
  }

  @Test
  void beginsEachSecondAnewAfterALongSilence() {
    add(5);
    pass(3_600);
    add(2);

    assertThat(sum.totals().count()).isEqualTo(2);
    assertThat(sum.totals().sum()).isEqualTo(6);
  }
}
