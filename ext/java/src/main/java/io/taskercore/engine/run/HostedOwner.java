package io.taskercore.engine.run;

import io.taskercore.engine.attempt.ClaimOwner;
import io.taskercore.engine.attempt.HandlerDirectory;
import io.taskercore.engine.attempt.SlotPool;
import io.taskercore.metrics.EngineMetrics;

/** A run or worker of a coordinator, for which steps are claimed. */
interface HostedOwner extends ClaimOwner {

  RunHost host();

  @Override
  default HandlerDirectory directory() {
    return host().directory();
  }

  @Override
  default SlotPool slots() {
    return host().slots();
  }

  @Override
  default EngineMetrics metrics() {
    return host().metrics();
  }

  @Override
  default int maxCrashes() {
    return host().config().maxCrashes();
  }

  @Override
  default long stepTimeoutMs() {
    return host().config().stepTimeoutMs();
  }
}
