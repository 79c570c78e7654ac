package io.taskercore.metrics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.concurrent.TimeUnit;
import org.assertj.core.data.Percentage;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DurationsTest {

  private static final Percentage EXACT_ENOUGH = Percentage.withPercentage(3.2);

  private long nanos = 17;
  private final Durations durations = new Durations(() -> nanos);

  private void add(double milliseconds) {
    durations.add((long) (milliseconds * 1_000_000), nanos);
  }

  private void pass(long seconds) {
    nanos += TimeUnit.SECONDS.toNanos(seconds);
  }

  @Test
  void thereAreNoneAtTheBeginning() {
    assertThat(durations.percentiles()).isEqualTo(new Percentiles(0, 0, 0, 0, 0));
  }

  @Test
  void percentilesAreThoseOfTheValues() {
    for (int ms = 1; ms <= 1_000; ms++) {
      add(ms);
    }
    Percentiles of = durations.percentiles();

    assertThat(of.p50()).isCloseTo(500, EXACT_ENOUGH);
    assertThat(of.p95()).isCloseTo(950, EXACT_ENOUGH);
    assertThat(of.p99()).isCloseTo(990, EXACT_ENOUGH);
    assertThat(of.count()).isEqualTo(1_000);
    assertThat(of.sumSeconds()).isEqualTo(500.5, within(1e-6));
  }

  @ParameterizedTest
  @ValueSource(doubles = {0.001, 0.007, 0.031, 0.032, 0.9, 7, 63.9, 1_000, 86_400_000.0, 600_000_000.0})
  void oneValueIsFoundAgainWhateverItsSize(double ms) {
    add(ms);

    assertThat(durations.percentiles().p99()).isCloseTo(ms, EXACT_ENOUGH);
  }

  @Test
  void bucketsGrowWithoutAGap() {
    for (long micros = 0; micros < 100_000; micros++) {
      int bucket = Durations.bucket(micros);
      assertThat(Durations.bucket(micros + 1) - bucket).isBetween(0, 1);
      assertThat(Durations.bucket((long) Durations.middle(bucket))).isEqualTo(bucket);
    }
  }

  @Test
  void aClockThatGoesBackCountsAsNothing() {
    add(-5);

    assertThat(durations.percentiles().p50()).isZero();
    assertThat(durations.percentiles().sumSeconds()).isZero();
  }

  @Test
  void valuesOfAMinuteAgoAreForgottenButStillInTheSum() {
    add(100);
    pass(30);
    add(1);
    assertThat(durations.percentiles().p99()).isCloseTo(100, EXACT_ENOUGH);
    pass(30);
    assertThat(durations.percentiles().p99()).isCloseTo(1, EXACT_ENOUGH);
    pass(600);

    assertThat(durations.percentiles().p99()).isZero();
    assertThat(durations.percentiles().count()).isEqualTo(2);
    add(7);
    assertThat(durations.percentiles().p50()).isCloseTo(7, EXACT_ENOUGH);
  }
}
