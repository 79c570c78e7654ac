package io.taskercore.engine;

import io.taskercore.model.ClaimedStep;
import io.taskercore.model.Failure;
import io.taskercore.model.Json;
import io.taskercore.model.StepDefinition;
import io.taskercore.model.StepOutcome;
import io.taskercore.model.StepState;
import io.taskercore.model.TaskFacts;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicReference;

/**
 * One attempt at one step, from claim to outcome.
 *
 * <ol>
 *   <li>A handler thread takes it from the {@link AttemptQueue} and calls {@link #begin}, which starts the clock of its time-out.
 *   <li>It runs the handler and ends with exactly one of {@link #succeed}, {@link #fail} and {@link #release}, whatever happened:
 *       that call also gives the thread's place in the lane back.
 *   <li>Time-out, cancellation or the loss of the lease may end it before; the outcome that comes later is then dropped.
 * </ol>
 */
public final class Attempt {

  private enum Stage {
    CLAIMED,
    RUNNING,
    ENDED
  }

  private final ClaimedStep step;
  private final TaskMemory memory;
  private final Map<String, Json> parentResults;
  private final Claimant claimant;
  private final CoreRuntime runtime;
  private final long processId;
  private final long readyNanos;
  private final AtomicReference<Stage> stage = new AtomicReference<>(Stage.CLAIMED);
  private volatile boolean cancelled;
  private volatile Instant deadline;
  private volatile long begunNanos;
  private volatile long endedNanos;
  private volatile Runnable interrupter;
  private volatile Future<?> timer;

  /**
   * @param processId the id under which the claim was made
   * @param readyNanos since when the step could run
   */
  Attempt(
      ClaimedStep step,
      TaskMemory memory,
      Map<String, Json> parentResults,
      Claimant claimant,
      CoreRuntime runtime,
      long processId,
      long readyNanos) {
    this.step = step;
    this.memory = memory;
    this.parentResults = parentResults;
    this.claimant = claimant;
    this.runtime = runtime;
    this.processId = processId;
    this.readyNanos = readyNanos;
  }

  public long taskId() {
    return step.taskId();
  }

  public long stepId() {
    return step.stepId();
  }

  public String stepName() {
    return step.name();
  }

  public String handler() {
    return step.handler();
  }

  public String namespace() {
    return facts().namespace();
  }

  public String taskName() {
    return facts().name();
  }

  public Json payload() {
    return facts().payload();
  }

  public Json config() {
    return definition().config();
  }

  /** Results of the direct parents, by name; {@code {}} for one that has none. */
  public Map<String, Json> parentResults() {
    return parentResults;
  }

  /** The number of this attempt, from 1. */
  public int attempt() {
    return step.attempt();
  }

  public int maxAttempts() {
    return step.maxAttempts();
  }

  /** Whether a failure of this attempt is final even if it is retryable. */
  public boolean isLast() {
    return Outcomes.isLast(step, definition().retry());
  }

  public String correlationId() {
    return facts().correlationId();
  }

  /** Names the step: equal in all its attempts, and different from every other step's, also of other databases. */
  public String idempotencyKey() {
    return facts().correlationId() + ":" + step.stepId();
  }

  /** When the attempt times out; null before it began. */
  public Instant deadline() {
    return deadline;
  }

  /** True once its outcome is of no use any more. */
  public boolean cancelled() {
    return cancelled;
  }

  public HandlerDirectory directory() {
    return claimant.directory();
  }

  /**
   * Starts the attempt's clock; called right before the handler.
   *
   * @param interrupter interrupts the handler; called at most once, from a thread of the core, and must not block
   * @return false if the attempt was taken away meanwhile: the handler must not run, and {@link #release} follows
   */
  public boolean begin(Runnable interrupter) {
    this.interrupter = interrupter;
    long timeoutMs = definition().timeoutMs() != null ? definition().timeoutMs() : claimant.stepTimeoutMs();
    deadline = runtime.clock().instant().plusMillis(timeoutMs);
    if (!stage.compareAndSet(Stage.CLAIMED, Stage.RUNNING)) {
      return false;
    }
    begunNanos = System.nanoTime();
    claimant.lane().begin(begunNanos);
    claimant.metrics().began(begunNanos - readyNanos, begunNanos);
    timer = runtime.timers().in(timeoutMs, () -> timedOut(timeoutMs));
    claimant.began(this);
    return true;
  }

  /**
   * Ends with a result.
   *
   * @return an attempt at a child, which the calling thread is to run next, in the place of this one; null if there is none
   */
  public Attempt succeed(Json result) {
    claimant.lane().end(begunNanos);
    Attempt next = null;
    try {
      if (end()) {
        Completion completion = new Completion(this, Outcomes.success(step, result));
        ResultRecorder recorder = runtime.recorderOf(step.taskId());
        if (claimant.lane().idle()) {
          next = recorder.recordHere(completion);
        } else {
          recorder.record(completion);
        }
      }
      return next;
    } finally {
      if (next == null) {
        claimant.lane().leave();
      }
    }
  }

  public void fail(Failure failure) {
    claimant.lane().end(begunNanos);
    try {
      if (end()) {
        recordFailure(failure);
      }
    } finally {
      claimant.lane().leave();
    }
  }

  /** Gives the claim back, if it was never begun. */
  public void release() {
    try {
      if (stage.compareAndSet(Stage.CLAIMED, Stage.ENDED)) {
        runtime.held().giveBack(List.of(step));
        runtime.held().remove(this);
      }
    } finally {
      claimant.lane().leave();
    }
  }

  /** Lends this attempt's place to others while its handler waits for them; {@link #reclaimSlot} must follow. */
  public void lendSlot() {
    runtime.held().leaveLastChance(this);
    claimant.lane().lend(begunNanos);
  }

  public void reclaimSlot() {
    claimant.lane().reclaim(begunNanos);
  }

  /** The task does not want the outcome any more; the handler may find out by {@link #cancelled}. */
  void tell() {
    cancelled = true;
  }

  /**
   * The step is no longer this process's: the handler is told, and interrupted.
   *
   * @return true if the handler was running
   */
  boolean lose() {
    cancelled = true;
    Stage before = stage.getAndSet(Stage.ENDED);
    if (before != Stage.ENDED) {
      runtime.held().remove(this);
    }
    if (before == Stage.RUNNING) {
      stopTimer();
      interrupter.run();
    }
    return before == Stage.RUNNING;
  }

  /** Ends an attempt that nobody began, so that nobody begins it. */
  boolean withdraw() {
    return stage.compareAndSet(Stage.CLAIMED, Stage.ENDED);
  }

  private void timedOut(long timeoutMs) {
    if (stage.compareAndSet(Stage.RUNNING, Stage.ENDED)) {
      cancelled = true;
      countRun();
      recordFailure(Failure.of(
          "TaskerCore::Timeout", "the attempt ran longer than its timeout_ms of " + timeoutMs, "timeout", true));
      interrupter.run();
    }
  }

  private void recordFailure(Failure failure) {
    StepOutcome outcome = outcomeOf(failure);
    boolean failsTask = failFast() && outcome.to() == StepState.ERROR;
    List<Attempt> withheld = failsTask ? runtime.held().withhold(runtime.held().ofTask(step.taskId())) : List.of();
    runtime.recorderOf(step.taskId()).record(new Completion(this, outcome, withheld));
  }

  /** What a failure means for the step. */
  StepOutcome outcomeOf(Failure failure) {
    return Outcomes.failure(step, definition().retry(), failure, runtime.random());
  }

  private boolean end() {
    boolean ended = stage.compareAndSet(Stage.RUNNING, Stage.ENDED);
    if (ended) {
      stopTimer();
      countRun();
    }
    return ended;
  }

  private void countRun() {
    endedNanos = System.nanoTime();
    claimant.metrics().ran(endedNanos - begunNanos, endedNanos);
  }

  long endedNanos() {
    return endedNanos;
  }

  private void stopTimer() {
    Future<?> running = timer;
    if (running != null) {
      running.cancel(false);
    }
  }

  /** Whether a failure of another step of its task may cancel what it is about. */
  boolean failFast() {
    return facts().failFast();
  }

  /** The id under which its claim was made; the process may have another one by now. */
  long processId() {
    return processId;
  }

  ClaimedStep step() {
    return step;
  }

  TaskMemory memory() {
    return memory;
  }

  Claimant claimant() {
    return claimant;
  }

  private TaskFacts facts() {
    return memory.facts();
  }

  private StepDefinition definition() {
    return memory.definition(step);
  }
}
