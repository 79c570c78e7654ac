package io.taskercore.engine;

import io.taskercore.metrics.EngineMetrics;
import io.taskercore.model.ExecutionStatus;
import io.taskercore.model.Json;
import io.taskercore.model.JsonWriter;
import io.taskercore.model.StepCounts;
import io.taskercore.model.TaskerException;
import io.taskercore.store.TaskReader.Progress;
import java.util.List;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * One call's work on one task, until the task has ended, nothing more can be done here, or time is up.
 *
 * <p>A core thread claims steps as room comes free and looks at the database when nothing is in flight; the recorder hands
 * children over in between. The caller only waits, in {@link #await}, and starts handler threads when asked to.
 */
public final class TaskRun implements Claimant, AutoCloseable {

  /** The first pause of a run that waits for others; doubles up to the poll interval. */
  private static final long FIRST_PAUSE_MS = 5;

  private final Coordinator coordinator;
  private final CoreRuntime runtime;
  private final TaskMemory task;
  private final Deadline deadline;
  private final long startedNanos = System.nanoTime();
  private final Runnable starter = this::threadsWanted;

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private boolean awake;
  private boolean maybeReady;
  private boolean threadsWanted;
  private boolean closed;
  private boolean over;
  private int inFlight;
  private int executed;
  private Json outcome;
  private RuntimeException failure;

  /** @param ended true: there is nothing to claim, only to report */
  TaskRun(Coordinator coordinator, TaskMemory task, boolean ended, Long timeoutMs) {
    this.maybeReady = !ended;
    this.coordinator = coordinator;
    this.runtime = coordinator.runtime();
    this.task = task;
    this.deadline = Deadline.in(timeoutMs, runtime.clock());
  }

  /** The names of the handlers that the task's steps ask for. */
  public List<String> handlerNames() {
    return task.handlerNames();
  }

  /** Begins to work on the task. */
  public void start() {
    coordinator.started(this);
    coordinator.attempts().addStarter(starter);
    runtime.addRun(this);
    try {
      runtime.execute(this::work);
    } catch (TaskerException.Closed closing) {
      close();
      throw closing;
    }
  }

  /**
   * Waits for the end of the run.
   *
   * @return true when it is over; false when handler threads are wanted: start as many as {@link AttemptQueue#threadsToStart}
   *     says and wait again
   */
  public boolean await() throws InterruptedException {
    lock.lockInterruptibly();
    try {
      while (!over && !threadsWanted) {
        changed.await();
      }
      threadsWanted = false;
      return over;
    } finally {
      lock.unlock();
    }
  }

  /** What came of it, once {@link #await} has returned true. */
  public Json outcome() {
    lock.lock();
    try {
      if (failure != null) {
        throw failure;
      }
      return outcome;
    } finally {
      lock.unlock();
    }
  }

  /** Ends the run: what has not started is given back, what runs goes on and is recorded. */
  @Override
  public void close() {
    lock.lock();
    try {
      closed = true;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
    coordinator.attempts().removeStarter(starter);
    runtime.removeRun(this);
    coordinator.ended(this);
    runtime.giveBackUnstarted(this);
  }

  private void work() {
    try {
      Progress last = workUntilNothingIsLeft();
      finish(document(last), null);
    } catch (RuntimeException failed) {
      finish(null, failed);
    } catch (Error failed) {
      finish(null, new TaskerException.Internal(failed));
      throw failed;
    } catch (InterruptedException interrupted) {
      finish(null, new TaskerException.Closed("the coordinator"));
    }
  }

  private Progress workUntilNothingIsLeft() throws InterruptedException {
    long pauseMs = FIRST_PAUSE_MS;
    while (true) {
      boolean timeUp = isClosed() || deadline.passed();
      if (!timeUp && takeHint() && claim() > 0) {
        pauseMs = FIRST_PAUSE_MS;
      }
      if (!timeUp && inFlight() > 0) {
        pause(coordinator.config().pollIntervalMs());
        continue;
      }
      Progress progress = runtime.progress(taskId(), coordinator.handlersOf(task));
      boolean heldByOthers = progress.counts().inProgress() > 0;
      boolean nothingLeft = progress.runnableHere() == 0 && !heldByOthers && inFlight() == 0;
      if (timeUp || progress.state().ended() || nothingLeft) {
        return progress;
      }
      if (onlyTimePasses(progress, heldByOthers) && runtime.clock().skip(untilDue(progress))) {
        hint();
        continue;
      }
      pause(untilNextLook(progress, heldByOthers, pauseMs));
      pauseMs = Math.min(2 * pauseMs, coordinator.config().pollIntervalMs());
    }
  }

  private static boolean onlyTimePasses(Progress progress, boolean heldByOthers) {
    return progress.nextRunInMs() != null && progress.nextRunInMs() > 0 && !heldByOthers;
  }

  /** Until the next step may run, or time is up. */
  private long untilDue(Progress progress) {
    return Math.min(progress.nextRunInMs(), deadline.leftMs()) + 1;
  }

  private long untilNextLook(Progress progress, boolean heldByOthers, long pauseMs) {
    return onlyTimePasses(progress, heldByOthers) ? Math.min(progress.nextRunInMs() + 1, coordinator.config().pollIntervalMs()) : pauseMs;
  }

  private int claim() {
    Lane lane = coordinator.lane();
    int room = lane.reserve(task.template().steps().size());
    int claimed = 0;
    try {
      if (room > 0) {
        List<Attempt> attempts = runtime.claimer().claimOfTask(task, coordinator.handlersOf(task), room, this);
        claimed = attempts.size();
        attempts.forEach(lane::submit);
      }
    } finally {
      lane.giveUp(room - claimed);
      if (claimed == room) {
        hint();
      }
    }
    if (isClosed()) {
      // Whoever asked for it has left while the claim was made.
      runtime.giveBackUnstarted(this);
    }
    return claimed;
  }

  private void finish(Json document, RuntimeException failed) {
    lock.lock();
    try {
      over = true;
      outcome = document;
      failure = failed;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  private Json document(Progress progress) {
    StepCounts counts = progress.counts();
    return JsonWriter.object(out -> out
        .put("task_id", task.facts().taskId())
        .put("status", progress.state().wire())
        .put("execution_status", ExecutionStatus.of(progress.state(), counts).wire())
        .put("steps_executed", executed())
        .put("completed_steps", counts.completed())
        .put("failed_steps", counts.failed())
        .put("total_steps", counts.total())
        .put("duration_ms", (System.nanoTime() - startedNanos) / 1_000_000.0)
        .put("next_run_at", progress.nextRunAt()));
  }

  @Override
  public HandlerDirectory directory() {
    return coordinator.directory();
  }

  @Override
  public EngineMetrics metrics() {
    return coordinator.metrics();
  }

  @Override
  public Lane lane() {
    return coordinator.lane();
  }

  @Override
  public long stepTimeoutMs() {
    return coordinator.config().stepTimeoutMs();
  }

  @Override
  public boolean open() {
    return !isClosed() && !deadline.passed();
  }

  @Override
  public void began(Attempt attempt) {
    lock.lock();
    try {
      executed++;
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void holds(int more) {
    coordinator.holds(more);
    lock.lock();
    try {
      inFlight += more;
      wake(inFlight == 0 || maybeReady);
    } finally {
      lock.unlock();
    }
  }

  /** Steps of the task may have become ready, or the task may have ended. */
  void signal() {
    lock.lock();
    try {
      maybeReady = true;
      wake(true);
    } finally {
      lock.unlock();
    }
  }

  long taskId() {
    return task.facts().taskId();
  }

  private void threadsWanted() {
    lock.lock();
    try {
      threadsWanted = true;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  private void wake(boolean needed) {
    if (needed) {
      awake = true;
      changed.signalAll();
    }
  }

  /** There may be more to claim than there was room for. */
  private void hint() {
    lock.lock();
    try {
      maybeReady = true;
    } finally {
      lock.unlock();
    }
  }

  private boolean takeHint() {
    lock.lock();
    try {
      boolean hint = maybeReady;
      maybeReady = false;
      return hint;
    } finally {
      lock.unlock();
    }
  }

  /** Waits until something happens here; if nothing does, something may have happened elsewhere. */
  private void pause(long waitMs) throws InterruptedException {
    lock.lock();
    try {
      long nanos = deadline.capNanos(waitMs);
      while (!awake && !closed && nanos > 0) {
        nanos = changed.awaitNanos(nanos);
      }
      maybeReady |= !awake;
      awake = false;
    } finally {
      lock.unlock();
    }
  }

  private boolean isClosed() {
    lock.lock();
    try {
      return closed;
    } finally {
      lock.unlock();
    }
  }

  private int inFlight() {
    lock.lock();
    try {
      return inFlight;
    } finally {
      lock.unlock();
    }
  }

  private int executed() {
    lock.lock();
    try {
      return executed;
    } finally {
      lock.unlock();
    }
  }
}
