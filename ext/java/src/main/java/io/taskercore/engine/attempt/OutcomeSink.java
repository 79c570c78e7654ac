package io.taskercore.engine.attempt;

import io.taskercore.model.StepOutcome;

/** Where outcomes of attempts go. */
public interface OutcomeSink {

  /** Has another thread record an outcome. */
  void record(Attempt attempt, StepOutcome outcome);

  /**
   * Records an outcome on the calling thread, if that can be done at once.
   *
   * @return an attempt at a child, which the thread runs next, in the slot of this one; null if there is none
   */
  Attempt recordHere(Attempt attempt, StepOutcome outcome);
}
