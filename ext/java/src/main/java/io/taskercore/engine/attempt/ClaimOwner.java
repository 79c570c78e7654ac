package io.taskercore.engine.attempt;

import io.taskercore.metrics.EngineMetrics;

/** For whom steps are claimed: a call or a worker of a coordinator. */
public interface ClaimOwner {

  /** Whose handlers run the steps. */
  HandlerDirectory directory();

  /** Where the attempts get their slots. */
  SlotPool slots();

  /** Where its activity is counted. */
  EngineMetrics metrics();

  /** The time-out of steps that set none, in milliseconds. */
  long stepTimeoutMs();

  /** How many processes may die under a step that sets no number. */
  int maxCrashes();

  /** Whether it still takes children that become ready. */
  boolean acceptsChildren();

  /** A handler is about to run. */
  void attemptBegan();

  /** This many more attempts, or fewer, are in flight for it: claimed, and not yet recorded, lost or given back. */
  void inFlightChanged(int delta);
}
