package io.taskercore.fault;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Random workflows under random faults, in the short form of {@code bin/chaos}; {@code -Dtasker.seed=SEED} runs one again. */
class RandomFaultTest {

  @RegisterExtension
  final Site site = Site.shared();

  @Test
  void everythingEndsAsTheModelSaysWhateverDies() {
    long seed = Long.getLong("tasker.seed", System.nanoTime() % 1_000_000);
    site.say("tasker.seed=" + seed);

    Chaos.Outcome outcome = Chaos.run(
        new Chaos.Settings(seed, Duration.ofSeconds(25), 400, 3, 1, Duration.ofSeconds(3), false), site);

    assertThat(outcome.counts().tasks()).isEqualTo(400);
    site.say("faults: " + outcome.faults());
  }
}
