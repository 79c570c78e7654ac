package io.taskercore.engine.record;

import io.taskercore.engine.attempt.Attempt;
import io.taskercore.model.StepOutcome;
import java.util.List;

/**
 * An attempt that has ended, and what is to be recorded of it.
 *
 * @param preempted attempts of the same task that must not begin until that is known, and go back then
 */
record Completion(Attempt attempt, StepOutcome outcome, List<Attempt> preempted) {

  Completion(Attempt attempt, StepOutcome outcome) {
    this(attempt, outcome, List.of());
  }
}
