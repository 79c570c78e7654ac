package io.taskercore.engine.run;

import io.taskercore.config.OrchestrationConfig;
import io.taskercore.engine.attempt.AttemptQueue;
import io.taskercore.engine.attempt.ClaimOwner;
import io.taskercore.engine.attempt.HandlerDirectory;
import io.taskercore.engine.attempt.SlotPool;
import io.taskercore.engine.create.TaskInitializer;
import io.taskercore.metrics.EngineMetrics;
import io.taskercore.model.TaskerException;
import java.util.Collection;
import java.util.List;

/** A coordinator as its runs and workers see it. */
public interface RunHost {

  /** The configuration as it is now. */
  OrchestrationConfig config();

  HandlerDirectory directory();

  AttemptQueue queue();

  SlotPool slots();

  EngineMetrics metrics();

  TaskInitializer initializer();

  /** @throws TaskerException.Closed if it is closed */
  void requireOpen();

  /** These handlers were looked for; from now on the process tells others which of them it has. */
  void resolved(Collection<String> handlers);

  /** Those of the handlers that are at hand; from now on the process tells others that it has them. */
  List<String> atHand(List<String> handlers);

  /** All handlers that were looked for and are at hand now. */
  List<String> resolvedHandlers();

  /** This many more attempts, or fewer, of the coordinator are claimed and not yet recorded. */
  void inFlightChanged(int delta);

  /** A run or a worker is over. */
  void ended(ClaimOwner owner);
}
