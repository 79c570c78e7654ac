package io.taskercore.engine.attempt;

import io.taskercore.engine.task.CachedTask;
import io.taskercore.model.ClaimedStep;
import io.taskercore.model.Failure;
import io.taskercore.model.Format;
import io.taskercore.model.Json;
import io.taskercore.model.StepDefinition;
import io.taskercore.model.StepOutcome;
import io.taskercore.model.TaskFacts;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Future;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;

/**
 * One attempt at one step, from claim to outcome.
 *
 * <ol>
 *   <li>A handler thread takes it from the {@link AttemptQueue} and calls {@link #begin}, which starts the clock of its time-out.
 *   <li>The thread runs the handler, and ends the attempt with exactly one of {@link #succeed}, {@link #fail} and {@link #release},
 *       whatever happened. That call also gives the thread's slot back.
 *   <li>A time-out, a cancellation or the loss of the lease may end the attempt earlier; an outcome that comes later is dropped.
 * </ol>
 */
public final class Attempt implements DeafHandlers.Interrupted {

  private static final Logger LOG = LoggerFactory.getLogger(Attempt.class);

  /** What an attempt needs of its process. */
  public interface Host {

    /** The time on the clock of tasks. */
    Instant now();

    /** Runs a short action later. */
    Future<?> in(long delayMs, Runnable action);

    /** Has another thread record an outcome. */
    void record(Attempt attempt, StepOutcome outcome);

    /** Records an outcome on the calling thread if that can be done at once. Returns a child that the thread goes on with, or null. */
    Attempt recordHere(Attempt attempt, StepOutcome outcome);

    /** The attempt never began: its step runs again, and the attempt does not count. */
    void giveBack(Attempt attempt);

    /** A result of this many bytes waits to be recorded, as long as its attempt is in flight. */
    void resultWaits(long bytes);

    /** Waits while results that are to be recorded take more memory than they may. */
    void awaitRoomForResults();

    /** The result of a step that has ended; {@code {}} for a step without one. */
    Json resultOf(CachedTask task, long stepId);

    /** The attempt is in flight no longer. */
    void remove(Attempt attempt);

    /** The attempt waits for other steps, one of which may be on its last chance too. */
    void releaseLastChance(Attempt attempt);
  }

  private enum Stage {
    CLAIMED,
    RUNNING,
    ENDED
  }

  private final ClaimedStep step;
  private final CachedTask task;
  private final Map<String, Json> parentResults;
  private final ClaimOwner owner;
  private final Host host;
  private final long processId;
  private final long readyNanos;
  private final AtomicReference<Stage> stage = new AtomicReference<>(Stage.CLAIMED);
  private volatile boolean cancelled;
  private volatile boolean timedOut;
  private volatile Instant deadline;
  private volatile long begunNanos;
  private volatile long endedNanos;
  private volatile HandlerCall call;

  /** Since when its handler should end; null if it need not. */
  private volatile Long interruptedNanos;
  private volatile long resultBytes;
  private volatile Future<?> timer;

  /**
   * @param processId the id under which the claim was made
   * @param readyNanos since when the step could run
   */
  public Attempt(
      ClaimedStep step,
      CachedTask task,
      Map<String, Json> parentResults,
      ClaimOwner owner,
      Host host,
      long processId,
      long readyNanos) {
    this.step = step;
    this.task = task;
    this.parentResults = parentResults;
    this.owner = owner;
    this.host = host;
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

  /** Results of the direct parents, by name; {@code {}} for a parent without one. */
  public Map<String, Json> parentResults() {
    return parentResults;
  }

  /** Names of all steps that this one depends on, directly or through others, in the template's order. */
  public List<String> ancestors() {
    return List.copyOf(task.ancestorsOf(step.ordinal()).keySet());
  }

  /** The result of an ancestor of this step; {@code {}} for an ancestor without a result, null for any other step. */
  public Json resultOf(String ancestor) {
    Json ofParent = parentResults.get(ancestor);
    if (ofParent != null) {
      return ofParent;
    }
    Integer ordinal = task.ancestorsOf(step.ordinal()).get(ancestor);
    return ordinal == null ? null : host.resultOf(task, ClaimedStep.stepId(step.taskId(), ordinal));
  }

  /** How many processes have already died under the step. */
  public int crashes() {
    return step.attempt() - step.failures();
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

  /** Identifies the step: the same in all its attempts, and different from every other step's, also in other databases. */
  public String idempotencyKey() {
    return facts().correlationId() + ":" + step.stepId();
  }

  /** When the attempt times out; null before it has begun. */
  public Instant deadline() {
    return deadline;
  }

  /** True once its outcome is no longer of any use. */
  public boolean cancelled() {
    return cancelled;
  }

  public HandlerDirectory directory() {
    return owner.directory();
  }

  /**
   * Starts the attempt's clock; called right before the handler.
   *
   * @param handler what the calling thread is about to run
   * @return false if the attempt was taken away meanwhile: then the handler must not run, and {@link #release} must follow
   */
  public boolean begin(RunningHandler handler) {
    call = new HandlerCall(handler);
    long timeoutMs = definition().timeoutMs() != null ? definition().timeoutMs() : owner.stepTimeoutMs();
    deadline = host.now().plusMillis(timeoutMs);
    if (!stage.compareAndSet(Stage.CLAIMED, Stage.RUNNING)) {
      return false;
    }
    begunNanos = System.nanoTime();
    owner.slots().begin(begunNanos);
    owner.metrics().began(begunNanos - readyNanos, begunNanos);
    timer = host.in(timeoutMs, () -> timeOut(timeoutMs));
    owner.attemptBegan();
    return true;
  }

  /** Ends with a result and no metadata. */
  public Attempt succeed(Json result) {
    return succeed(result, null);
  }

  /**
   * Ends with a result.
   *
   * @param metadata what the handler noted beside its result; null: nothing
   * @return an attempt at a child, which the calling thread runs next, in the slot of this attempt; null if there is none
   */
  public Attempt succeed(Json result, Json metadata) {
    owner.slots().end(begunNanos);
    Attempt next = null;
    try {
      if (end()) {
        StepOutcome outcome = Outcomes.success(step, result, metadata);
        resultBytes = outcome.bytes();
        host.resultWaits(resultBytes);
        if (owner.slots().idle()) {
          next = host.recordHere(this, outcome);
        } else {
          host.record(this, outcome);
        }
      }
      return next;
    } finally {
      ended();
      if (next == null) {
        host.awaitRoomForResults();
        owner.slots().release();
      }
    }
  }

  private void ended() {
    call.end();
    if (interruptedNanos != null) {
      owner.slots().deaf().ended(this);
    }
  }

  public void fail(Failure failure) {
    owner.slots().end(begunNanos);
    try {
      if (end()) {
        recordFailure(failure);
      }
    } finally {
      ended();
      owner.slots().release();
    }
  }

  /** Gives the claim back, if the attempt has never begun. */
  public void release() {
    try {
      if (stage.compareAndSet(Stage.CLAIMED, Stage.ENDED)) {
        host.giveBack(this);
      }
    } finally {
      owner.slots().release();
    }
  }

  /** Lends this attempt's slot to others while its handler waits for them. {@link #reclaimSlot} must follow. */
  public void lendSlot() {
    host.releaseLastChance(this);
    owner.slots().lend(begunNanos);
  }

  public void reclaimSlot() {
    owner.slots().reclaim(begunNanos);
  }

  /** The task no longer wants the outcome. The handler can find that out by {@link #cancelled}. */
  public void markCancelled() {
    cancelled = true;
  }

  /**
   * The step is no longer this process's: the handler is told so, and interrupted.
   *
   * @return true if the handler was running
   */
  public boolean revoke() {
    cancelled = true;
    Stage before = stage.getAndSet(Stage.ENDED);
    if (before != Stage.ENDED) {
      host.remove(this);
    }
    if (before == Stage.RUNNING) {
      stopTimer();
      interrupt();
    }
    return before == Stage.RUNNING;
  }

  /** Ends an attempt that has not begun, so that it never begins. */
  boolean preempt() {
    return stage.compareAndSet(Stage.CLAIMED, Stage.ENDED);
  }

  private void timeOut(long timeoutMs) {
    if (stage.compareAndSet(Stage.RUNNING, Stage.ENDED)) {
      cancelled = true;
      timedOut = true;
      countRun();
      Failure failure = Failure.of(
          "TaskerCore::Timeout", "the attempt ran longer than its timeout_ms of " + timeoutMs, "timeout", true);
      recordFailure(failure);
      interrupt();
      LOG.atLevel(isLast() ? Level.WARN : Level.INFO)
          .log("{} {}: {}: {}", tag(), isLast() ? "failed for good" : "failed, and is tried again", failure.errorClass(), failure.message());
    }
  }

  /** Whether it has ended by its time-out, which was logged then. */
  public boolean hasTimedOut() {
    return timedOut;
  }

  private void interrupt() {
    interruptedNanos = System.nanoTime();
    owner.slots().deaf().interrupted(this);
    if (call.hasEnded()) {
      // The handler had already ended, perhaps without seeing that it was interrupted.
      owner.slots().deaf().ended(this);
    }
    host.in(DeafHandlers.GRACE_MS, () -> owner.slots().deaf().tell(this));
    call.interrupt();
  }

  @Override
  public long interruptedNanos() {
    return interruptedNanos;
  }

  @Override
  public String told() {
    long seconds = TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - begunNanos);
    return Format.text("%s handler %s, for %d s, at %s", tag(), handler(), seconds, call.place());
  }

  /** The tag of each log message about the attempt, as {@code StepLogger} writes it. */
  public String tag() {
    return "[task " + taskId() + " step " + stepId() + " " + stepName() + " attempt " + attempt() + " correlation " + correlationId() + "]";
  }

  private void recordFailure(Failure failure) {
    host.record(this, outcomeOf(failure));
  }

  /** What a failure means for the step. */
  public StepOutcome outcomeOf(Failure failure) {
    return Outcomes.failure(step, definition().retry(), failure, ThreadLocalRandom.current());
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
    owner.metrics().ran(endedNanos - begunNanos, endedNanos);
  }

  public long endedNanos() {
    return endedNanos;
  }

  private void stopTimer() {
    Future<?> running = timer;
    if (running != null) {
      running.cancel(false);
    }
  }

  /** How large its result is, if it has one that waits to be recorded. */
  long resultBytes() {
    return resultBytes;
  }

  /** Whether a failure of another step of its task may cancel this step. */
  public boolean failFast() {
    return facts().failFast();
  }

  /** The id under which its claim was made; the process may have another id by now. */
  public long processId() {
    return processId;
  }

  public ClaimedStep step() {
    return step;
  }

  public CachedTask task() {
    return task;
  }

  public ClaimOwner owner() {
    return owner;
  }

  private TaskFacts facts() {
    return task.facts();
  }

  private StepDefinition definition() {
    return task.definition(step);
  }
}
