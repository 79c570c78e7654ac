package io.taskercore.engine;

import io.taskercore.metrics.EngineMetrics;

/** On whose behalf steps are claimed. */
interface Claimant {

  HandlerDirectory directory();

  Lane lane();

  /** The time-out of steps that set none, in milliseconds. */
  long stepTimeoutMs();

  /** Whether it still takes children that become ready. */
  boolean open();

  /** Where what is done on its behalf is counted. */
  EngineMetrics metrics();

  /** A handler is about to run. */
  void began(Attempt attempt);

  /** So many attempts more, or fewer, are in flight for it: claimed, and not yet recorded, lost or given back. */
  void holds(int more);
}
