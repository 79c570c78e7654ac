package io.taskercore.engine;

import io.taskercore.metrics.EngineMetrics;

/** On whose behalf steps are claimed: a call or a worker of a coordinator. */
interface Claimant {

  /** Whose handlers run the steps, in whose lane. */
  Coordinator coordinator();

  /** Whether it still takes children that become ready. */
  boolean open();

  /** A handler is about to run. */
  void began(Attempt attempt);

  /** So many attempts more, or fewer, are in flight for it: claimed, and not yet recorded, lost or given back. */
  void holds(int more);

  default HandlerDirectory directory() {
    return coordinator().directory();
  }

  default Lane lane() {
    return coordinator().lane();
  }

  /** Where what is done on its behalf is counted. */
  default EngineMetrics metrics() {
    return coordinator().metrics();
  }

  /** The time-out of steps that set none, in milliseconds. */
  default long stepTimeoutMs() {
    return coordinator().config().stepTimeoutMs();
  }
}
