package io.taskercore.template;

import io.taskercore.document.Fields;
import io.taskercore.document.Node;
import io.taskercore.document.Violations;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/** The settings that the defaults, a step, and an environment's overrides can all have. */
record StepSettings(
    RetrySettings retry, Optional<Long> timeoutMs, Optional<Integer> maxCrashes, Node.Obj config) {

  static final StepSettings NONE =
      new StepSettings(RetrySettings.NONE, Optional.empty(), Optional.empty(), Node.Obj.EMPTY);

  static final List<String> KEYS = List.of("retry", "timeout_ms", "max_crashes", "config");

  /** A year: a longer duration is a mistake in the unit. */
  static final long MAX_DURATION_MS = TimeUnit.DAYS.toMillis(365);

  static final int MAX_CRASHES = 1_000;

  static StepSettings read(Fields fields, Violations violations) {
    return new StepSettings(
        fields.node("retry")
            .map(node -> RetrySettings.read(node, fields.path().key("retry"), violations))
            .orElse(RetrySettings.NONE),
        fields.integer("timeout_ms", 1, MAX_DURATION_MS),
        fields.integer("max_crashes", 1, MAX_CRASHES).map(Math::toIntExact),
        fields.object("config").orElse(Node.Obj.EMPTY));
  }

  /** These settings where they are given, the weaker ones elsewhere; configurations are merged key by key. */
  StepSettings over(StepSettings weaker) {
    return new StepSettings(
        retry.over(weaker.retry),
        timeoutMs.or(weaker::timeoutMs),
        maxCrashes.or(weaker::maxCrashes),
        weaker.config.mergedWith(config));
  }
}
