package io.taskercore.engine;

import io.taskercore.model.ClaimedStep.Claim;
import io.taskercore.model.Json;
import io.taskercore.model.StepOutcome;
import java.util.Collection;
import java.util.List;

/**
 * The ways on which a step's state changes from its claim on, as the engine goes them. {@link TransitionModel} says what each
 * must come to; {@link EnginePaths} is the engine as it is.
 */
interface Paths {

  /** By how much each claim raises the fence. The engine draws it anew for each statement. */
  long JUMP = 7;

  /** How many handlers a process runs at once: if it dies with no more claims, it had begun them all. */
  int PLACES = 2;

  /** A process that may hold claims, and whose lease does not lapse by itself. */
  long newProcess();

  /** Claims the step, if it may run now. */
  Answer claim(long processId, long stepId);

  /**
   * Records outcomes, and cancels what has not started of tasks that fail fast and fail by them.
   *
   * @param wanted ids of children that the process would run itself
   */
  Answer record(long processId, List<StepOutcome> outcomes, Collection<Long> wanted);

  /** @param started whether the attempts count */
  Answer giveBack(List<Claim> claims, boolean started);

  /** The process dies, and somebody takes its claims from it. */
  Answer crash(long processId);

  Answer retryStep(long stepId);

  /** @param result may be null */
  Answer resolveStep(long stepId, Json result, String reason);

  Answer cancelTask(long taskId, String reason);

  Answer resolveTask(long taskId, String reason);

  /** Somebody compares counters and queue with the steps, and puts right what disagrees. */
  Answer sweep();
}
