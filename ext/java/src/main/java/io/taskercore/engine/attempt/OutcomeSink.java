package io.taskercore.engine.attempt;

import io.taskercore.model.StepOutcome;

/** Where outcomes of attempts go. */
public interface OutcomeSink {

  /** Records an outcome by another thread. */
  void record(Attempt attempt, StepOutcome outcome);

  /**
   * Records an outcome by the calling thread, where that can be done at once.
   *
   * @return an attempt at a child, which the thread is to run next, in the slot of this one; null if there is none
   */
  Attempt recordHere(Attempt attempt, StepOutcome outcome);
}
