package io.taskercore.model;

import static org.assertj.core.api.Assertions.assertThat;

import io.taskercore.model.RetryPolicy.Backoff;
import java.util.Random;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

class RetryPolicyTest {

  private final Random random = new Random(7);

  private long[] delays(Backoff backoff, long maxMs, int failures) {
    RetryPolicy policy = new RetryPolicy(10, backoff, 1_000, maxMs, 0, true);
    return LongStream.rangeClosed(1, failures).map(n -> policy.delayMs((int) n, random)).toArray();
  }

  @Test
  void exponential_delays_double_with_every_failure() {
    assertThat(delays(Backoff.EXPONENTIAL, 30_000, 5)).containsExactly(1_000, 2_000, 4_000, 8_000, 16_000);
  }

  @Test
  void exponential_delays_stop_at_the_cap() {
    assertThat(delays(Backoff.EXPONENTIAL, 5_000, 5)).containsExactly(1_000, 2_000, 4_000, 5_000, 5_000);
  }

  @Test
  void linear_delays_grow_by_the_base() {
    assertThat(delays(Backoff.LINEAR, 3_500, 5)).containsExactly(1_000, 2_000, 3_000, 3_500, 3_500);
  }

  @Test
  void fixed_delays_stay_the_same() {
    assertThat(delays(Backoff.FIXED, 30_000, 3)).containsExactly(1_000, 1_000, 1_000);
  }

  @Test
  void a_fixed_delay_is_capped_too() {
    assertThat(delays(Backoff.FIXED, 400, 1)).containsExactly(400);
  }

  @Test
  void without_backoff_there_is_no_delay() {
    assertThat(delays(Backoff.NONE, 30_000, 3)).containsExactly(0, 0, 0);
  }

  @Test
  void the_thousandth_failure_does_not_overflow() {
    RetryPolicy policy = new RetryPolicy(1_000, Backoff.EXPONENTIAL, Long.MAX_VALUE / 2, Long.MAX_VALUE / 2, 0, true);

    assertThat(policy.delayMs(1_000, random)).isEqualTo(Long.MAX_VALUE / 2 + 1);
  }

  @Test
  void jitter_spreads_the_capped_delay_both_ways_and_no_further() {
    RetryPolicy policy = new RetryPolicy(10, Backoff.EXPONENTIAL, 1_000, 2_000, 0.25, true);

    long[] delays = random.ints(5_000).mapToLong(ignored -> policy.delayMs(9, random)).toArray();

    assertThat(LongStream.of(delays).min().orElseThrow()).isBetween(1_500L, 1_520L);
    assertThat(LongStream.of(delays).max().orElseThrow()).isBetween(2_480L, 2_500L);
    assertThat(LongStream.of(delays).average().orElseThrow()).isBetween(1_980.0, 2_020.0);
  }

  @Test
  void full_jitter_reaches_down_to_zero_but_not_below() {
    RetryPolicy policy = new RetryPolicy(10, Backoff.FIXED, 10, 10, 1, true);

    assertThat(random.ints(2_000).mapToLong(ignored -> policy.delayMs(1, random)).min().orElseThrow()).isZero();
  }
}
