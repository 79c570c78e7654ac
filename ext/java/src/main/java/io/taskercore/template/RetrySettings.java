package io.taskercore.template;

import io.taskercore.document.Fields;
import io.taskercore.document.Node;
import io.taskercore.document.Path;
import io.taskercore.document.Violations;
import io.taskercore.model.RetryPolicy;
import io.taskercore.model.RetryPolicy.Backoff;
import java.util.List;
import java.util.Optional;

/** The parts of a retry policy that are given in one place of a template. */
record RetrySettings(
    Optional<Integer> maxAttempts,
    Optional<Backoff> backoff,
    Optional<Long> baseMs,
    Optional<Long> maxMs,
    Optional<Double> jitter,
    Optional<Boolean> retryable) {

  static final RetrySettings NONE =
      new RetrySettings(
          Optional.empty(), Optional.empty(), Optional.empty(), Optional.empty(), Optional.empty(), Optional.empty());

  static final int MAX_ATTEMPTS = 1_000;

  private static final List<String> KEYS =
      List.of("max_attempts", "backoff", "base_ms", "max_ms", "jitter", "retryable");

  static RetrySettings read(Node node, Path path, Violations violations) {
    Fields fields = new Fields(node, path, violations, KEYS);
    return new RetrySettings(
        fields.integer("max_attempts", 1, MAX_ATTEMPTS).map(Math::toIntExact),
        fields.choice("backoff", List.of(Backoff.values()), Backoff::value),
        fields.integer("base_ms", 0, StepSettings.MAX_DURATION_MS),
        fields.integer("max_ms", 0, StepSettings.MAX_DURATION_MS),
        fields.decimal("jitter", 0, 1),
        fields.bool("retryable"));
  }

  RetrySettings over(RetrySettings weaker) {
    return new RetrySettings(
        maxAttempts.or(weaker::maxAttempts),
        backoff.or(weaker::backoff),
        baseMs.or(weaker::baseMs),
        maxMs.or(weaker::maxMs),
        jitter.or(weaker::jitter),
        retryable.or(weaker::retryable));
  }

  /** The whole policy. Parts that are given nowhere are as in {@link RetryPolicy#DEFAULT}. */
  RetryPolicy resolved() {
    RetryPolicy otherwise = RetryPolicy.DEFAULT;
    return new RetryPolicy(
        maxAttempts.orElse(otherwise.maxAttempts()),
        backoff.orElse(otherwise.backoff()),
        baseMs.orElse(otherwise.baseMs()),
        maxMs.orElse(otherwise.maxMs()),
        jitter.orElse(otherwise.jitter()),
        retryable.orElse(otherwise.retryable()));
  }
}
