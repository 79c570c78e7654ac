package io.taskercore.engine;

import io.taskercore.engine.StepClaimer.Begun;
import io.taskercore.engine.TaskInitializer.Prepared;
import io.taskercore.model.ExecutionStatus;
import io.taskercore.model.Json;
import io.taskercore.model.JsonWriter;
import io.taskercore.model.StepCounts;
import io.taskercore.model.TaskTemplate;
import io.taskercore.model.TaskerException;
import io.taskercore.store.TaskReader.Progress;
import java.util.List;

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
  private final Prepared unborn;
  private final int steps;
  private final List<String> handlerNames;
  private final Deadline deadline;
  private final long startedNanos = System.nanoTime();
  private final Runnable starter = this::threadsWanted;

  private final Monitor monitor = new Monitor();
  private TaskMemory task;
  private Boolean created;
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
    this(coordinator, null, task.template(), timeoutMs);
    this.task = task;
    this.maybeReady = !ended;
  }

  /** A run of a task that is still to be created: its first steps are claimed with that. */
  TaskRun(Coordinator coordinator, Prepared unborn, Long timeoutMs) {
    this(coordinator, unborn, unborn.template(), timeoutMs);
  }

  private TaskRun(Coordinator coordinator, Prepared unborn, TaskTemplate template, Long timeoutMs) {
    this.coordinator = coordinator;
    this.runtime = coordinator.runtime();
    this.unborn = unborn;
    this.steps = template.steps().size();
    this.handlerNames = template.handlerNames();
    this.deadline = Deadline.in(timeoutMs, runtime.clock());
  }

  /** The names of the handlers that the task's steps ask for. */
  public List<String> handlerNames() {
    return handlerNames;
  }

  /** Begins to work on the task. */
  public void start() {
    coordinator.started(this);
    coordinator.attempts().addStarter(starter);
    if (task != null) {
      runtime.signals().add(this);
    }
    try {
      // After it is known to the coordinator: whoever closes that either sees it, or is seen here.
      coordinator.requireOpen();
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
    return monitor.await(() -> over || threadsWanted, () -> {
      threadsWanted = false;
      return over;
    });
  }

  /** What came of it, once {@link #await} has returned true. */
  public Json outcome() {
    return monitor.get(() -> {
      if (failure != null) {
        throw failure;
      }
      return outcome;
    });
  }

  /** Ends the run: what has not started is given back, what runs goes on and is recorded. */
  @Override
  public void close() {
    monitor.change(() -> closed = true);
    coordinator.attempts().removeStarter(starter);
    if (task() != null) {
      runtime.signals().remove(this);
    }
    coordinator.ended(this);
    runtime.held().giveBackUnstarted(this);
  }

  private void work() {
    try {
      if (unborn != null) {
        create();
      }
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

  private void create() {
    List<String> handlers = coordinator.atHand(handlerNames);
    try (Lane.Reservation room = coordinator.lane().reserve(unborn.task().rootSteps())) {
      Begun begun = runtime.claimer().begin(coordinator.initializer(), unborn, handlers, room.size(), this);
      monitor.change(() -> {
        task = begun.task();
        created = begun.created();
        maybeReady = !begun.ended() && begun.attempts().size() < unborn.task().rootSteps();
      });
      runtime.signals().add(this);
      begun.attempts().forEach(room::submit);
      if (begun.attempts().size() < unborn.task().rootSteps()) {
        runtime.signals().workCame();
      }
    }
    leaveIfClosed();
  }

  /** Whoever asked for it has left while a claim was made. */
  private void leaveIfClosed() {
    if (isClosed()) {
      runtime.signals().remove(this);
      runtime.held().giveBackUnstarted(this);
    }
  }

  private TaskMemory task() {
    return monitor.get(() -> task);
  }

  private Progress workUntilNothingIsLeft() throws InterruptedException {
    long pauseMs = FIRST_PAUSE_MS;
    while (true) {
      boolean timeUp = isClosed() || deadline.passed();
      if (!timeUp && takeHint() && claim()) {
        pauseMs = FIRST_PAUSE_MS;
      }
      if (!timeUp && inFlight() > 0) {
        pause(coordinator.config().pollIntervalMs());
        continue;
      }
      Progress progress = runtime.progress(taskId(), coordinator.atHand(handlerNames));
      boolean heldByOthers = progress.counts().inProgress() > 0;
      boolean nothingLeft = progress.runnableHere() == 0 && !heldByOthers && inFlight() == 0;
      if (timeUp || progress.state().ended() || nothingLeft) {
        return progress;
      }
      if (onlyTimePasses(progress, heldByOthers) && runtime.clock().skip(untilDue(progress))) {
        signal();
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
    return onlyTimePasses(progress, heldByOthers)
        ? Math.min(progress.nextRunInMs() + 1, coordinator.config().pollIntervalMs())
        : pauseMs;
  }

  /** @return whether there was something */
  private boolean claim() {
    boolean some;
    try (Lane.Reservation room = coordinator.lane().reserve(steps)) {
      List<Attempt> attempts = room.size() == 0
          ? List.of()
          : runtime.claimer().claimOfTask(task(), coordinator.atHand(handlerNames), room.size(), this);
      if (attempts.size() == room.size()) {
        // There may be more than there was room for.
        monitor.get(() -> maybeReady = true);
      }
      attempts.forEach(room::submit);
      some = !attempts.isEmpty();
    }
    leaveIfClosed();
    return some;
  }

  private void finish(Json document, RuntimeException failed) {
    monitor.change(() -> {
      over = true;
      outcome = document;
      failure = failed;
    });
  }

  private Json document(Progress progress) {
    StepCounts counts = progress.counts();
    return JsonWriter.object(out -> {
      out.put("task_id", taskId())
        .put("status", progress.state().wire())
        .put("execution_status", ExecutionStatus.of(progress.state(), counts).wire())
        .put("steps_executed", monitor.get(() -> executed))
        .put("completed_steps", counts.completed())
        .put("failed_steps", counts.failed())
        .put("total_steps", counts.total())
        .put("duration_ms", (System.nanoTime() - startedNanos) / 1_000_000.0)
        .put("next_run_at", progress.nextRunAt());
      if (unborn != null) {
        out.put("created", created);
      }
    });
  }

  @Override
  public Coordinator coordinator() {
    return coordinator;
  }

  @Override
  public boolean open() {
    return !isClosed() && !deadline.passed();
  }

  @Override
  public void began(Attempt attempt) {
    monitor.get(() -> ++executed);
  }

  @Override
  public void holds(int more) {
    coordinator.holds(more);
    monitor.change(() -> {
      inFlight += more;
      awake |= inFlight == 0 || maybeReady;
    });
  }

  /** There may be steps of the task to claim. */
  void signal() {
    monitor.change(() -> {
      maybeReady = true;
      awake = true;
    });
  }

  /** The task has ended, or has changed in another way that gives nothing to claim. */
  void wake() {
    monitor.change(() -> awake = true);
  }

  long taskId() {
    return task().facts().taskId();
  }

  private void threadsWanted() {
    monitor.change(() -> threadsWanted = true);
  }

  private boolean takeHint() {
    return monitor.get(() -> {
      boolean hint = maybeReady;
      maybeReady = false;
      return hint;
    });
  }

  /** Waits until something happens here; if nothing does, something may have happened elsewhere. */
  private void pause(long waitMs) throws InterruptedException {
    monitor.await(() -> awake || closed, deadline.capNanos(waitMs), () -> {
      maybeReady |= !awake;
      awake = false;
      return null;
    });
  }

  private boolean isClosed() {
    return monitor.get(() -> closed);
  }

  private int inFlight() {
    return monitor.get(() -> inFlight);
  }
}
