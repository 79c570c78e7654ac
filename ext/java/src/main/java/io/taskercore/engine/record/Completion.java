package io.taskercore.engine.record;

import io.taskercore.engine.attempt.Attempt;
import io.taskercore.model.StepOutcome;
import java.util.List;

/**
 * An attempt that has ended, and its outcome that must be recorded.
 *
 * @param preempted attempts of the same task that must not begin before the outcome is recorded; then they are given back
 * @param instead whether this stands for an outcome that a fault of ours has kept from being recorded
 */
record Completion(Attempt attempt, StepOutcome outcome, List<Attempt> preempted, boolean instead) {

  Completion(Attempt attempt, StepOutcome outcome) {
    this(attempt, outcome, List.of());
  }

  Completion(Attempt attempt, StepOutcome outcome, List<Attempt> preempted) {
    this(attempt, outcome, preempted, false);
  }

  Completion instead(StepOutcome failure) {
    return new Completion(attempt, failure, preempted, true);
  }
}
