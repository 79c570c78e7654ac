package io.taskercore.template;

import java.util.Optional;

/** What an environment changes about a step. */
record StepOverride(Optional<String> handler, StepSettings settings) {

  static final StepOverride NONE = new StepOverride(Optional.empty(), StepSettings.NONE);

  StepOverride over(StepOverride weaker) {
    return new StepOverride(handler.or(weaker::handler), settings.over(weaker.settings));
  }
}
