package io.taskercore.engine.run;

import io.taskercore.engine.attempt.Attempt;
import io.taskercore.engine.attempt.AttemptQueue;
import io.taskercore.engine.attempt.SlotPool;
import io.taskercore.engine.claim.StepClaimer.Begun;
import io.taskercore.engine.clock.Deadline;
import io.taskercore.engine.create.TaskInitializer.Prepared;
import io.taskercore.engine.notify.TaskListener;
import io.taskercore.engine.task.CachedTask;
import io.taskercore.engine.task.TaskCache.Snapshot;
import io.taskercore.engine.threads.Monitor;
import io.taskercore.model.ExecutionStatus;
import io.taskercore.model.Json;
import io.taskercore.model.JsonWriter;
import io.taskercore.model.StepCounts;
import io.taskercore.model.TaskState;
import io.taskercore.model.TaskTemplate;
import io.taskercore.model.TaskerException;
import io.taskercore.store.Changes.Ended;
import io.taskercore.store.StaleTemplate;
import io.taskercore.store.TaskReader;
import io.taskercore.store.TaskReader.Progress;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;

/**
 * One call's work on one task, until the task has ended, nothing more can be done here, or time is up.
 *
 * <ul>
 *   <li>A thread of the core finds the task and claims steps as room comes free. It looks at the database when nothing is in
 *       flight.
 *   <li>While attempts are in flight, the run needs no thread: recorders hand children over, and end the run with the task.
 *   <li>A new task is created by a handler thread that has nothing else to do, which goes on with the first step.
 *   <li>The caller only waits, in {@link #await}. It looks for handlers and starts their threads when it is asked to.
 * </ul>
 */
public final class TaskRun implements HostedOwner, TaskListener, AutoCloseable {

  /** The first pause of a run that waits for others. Pauses double up to the poll interval. */
  private static final long FIRST_PAUSE_MS = 5;

  private final RunHost host;
  private final RunServices services;
  private final Beginning beginning;

  /** Whether a handler thread is likely to have something to run after the beginning. */
  private final boolean leadsToAttempt;

  /** Whether the run can go on without a thread. A deadline, or a clock that tests move, needs one that watches the time. */
  private final boolean parks;
  private final Deadline deadline;
  private final long startedNanos = System.nanoTime();
  private final Runnable starter = this::threadsWanted;

  private final TaskReader reader = new TaskReader();
  private final Monitor monitor = new Monitor();
  private TaskTemplate template;
  private CachedTask task;
  private Boolean created;
  private List<String> unknownHandlers = List.of();
  private boolean awake;
  private boolean maybeReady;

  /** Whether the run has no thread until there is something to do. */
  private boolean parked;
  private boolean threadsWanted;
  private boolean closed;
  private boolean over;
  private int inFlight;
  private int executed;
  private Json outcome;
  private RuntimeException failure;

  /** How the run gets its task. */
  @FunctionalInterface
  private interface Beginning {
    /**
     * @param byHandlerThread whether the calling thread can run an attempt
     * @return the attempt that it must run; null if there is none
     */
    Attempt of(TaskRun run, boolean byHandlerThread) throws InterruptedException;
  }

  private TaskRun(RunHost host, RunServices services, Long timeoutMs, boolean leadsToAttempt, Beginning beginning) {
    this.host = host;
    this.services = services;
    this.leadsToAttempt = leadsToAttempt;
    this.beginning = beginning;
    this.parks = timeoutMs == null && !services.clock().movable();
    this.deadline = Deadline.in(timeoutMs, services.clock());
  }

  /** A run of a task that exists. */
  public static TaskRun of(RunHost host, RunServices services, long taskId, Long timeoutMs) {
    return new TaskRun(host, services, timeoutMs, false, (run, byHandlerThread) -> run.find(taskId));
  }

  /** A run of a task that is still to be created. Its first steps are claimed with its creation. */
  public static TaskRun ofNew(RunHost host, RunServices services, Json request, Long timeoutMs) {
    return new TaskRun(host, services, timeoutMs, true, (run, byHandlerThread) -> run.create(request, byHandlerThread));
  }

  /** Begins to work on the task. */
  public void start() {
    host.queue().addStarter(starter);
    try {
      // The coordinator knows of the run by now: if it is being closed, either it sees the run, or the run sees the closing here.
      host.requireOpen();
      if (!leadsToAttempt || !host.queue().offer(this::beginByHandlerThread)) {
        services.executor().execute(this::begin);
      }
    } catch (RuntimeException | Error failed) {
      close();
      throw failed;
    }
  }

  /**
   * Waits for the end of the run.
   *
   * @return true if it is over; false if the caller has something to do: {@link #seekHandlers}, start as many handler threads as
   *     {@link AttemptQueue#threadsToStart} says, and wait again
   */
  public boolean await() throws InterruptedException {
    return monitor.await(() -> over || threadsWanted || !unknownHandlers.isEmpty(), () -> {
      threadsWanted = false;
      return over;
    });
  }

  /**
   * Looks for handlers of the task that the directory does not have yet, if there are any. It does so on the caller's thread, because
   * that may load code. The run goes on once all have been looked for, found or not.
   *
   * @param seek looks for the handler of a name
   */
  public void seekHandlers(Consumer<String> seek) {
    List<String> names = monitor.get(() -> unknownHandlers);
    if (!names.isEmpty()) {
      names.forEach(seek);
      monitor.change(() -> unknownHandlers = List.of());
    }
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

  /** Ends the run: what has not started is given back; what runs goes on and is recorded. */
  @Override
  public void close() {
    change(() -> closed = true);
    host.queue().removeStarter(starter);
    if (task() != null) {
      services.notifier().remove(this);
    }
    host.ended(this);
    services.inFlight().giveBackUnstarted(this);
  }

  private void begin() {
    ending(() -> {
      beginning.of(this, false);
      goOn();
    });
  }

  /** After the first attempt, recorders or a thread of the core go on with the run. */
  private Attempt beginByHandlerThread() {
    AtomicReference<Attempt> first = new AtomicReference<>();
    ending(() -> {
      try {
        first.set(beginning.of(this, true));
        if (!park()) {
          services.executor().execute(() -> ending(this::goOn));
        }
      } catch (InterruptedException wanted) {
        // Somebody wants the thread for something that has nothing to do with this run.
        Thread.currentThread().interrupt();
        services.executor().execute(task() == null ? this::begin : () -> ending(this::goOn));
      }
    });
    return first.get();
  }

  @FunctionalInterface
  private interface Part {
    void run() throws InterruptedException;
  }

  /** Runs a part of the work; a failure ends the run. */
  private void ending(Part part) {
    try {
      part.run();
    } catch (RuntimeException failed) {
      finish(null, failed);
    } catch (Error failed) {
      finish(null, new TaskerException.Internal(failed));
      throw failed;
    } catch (InterruptedException interrupted) {
      finish(null, new TaskerException.Closed("the coordinator"));
    }
  }

  private void goOn() throws InterruptedException {
    Progress last = workUntilNothingIsLeft();
    if (last != null) {
      finish(document(last.state(), last.counts(), last.nextRunAt()), null);
    }
  }

  private Attempt find(long taskId) throws InterruptedException {
    Snapshot snapshot = services.tasks().find(taskId);
    resolveHandlers(snapshot.task().template());
    monitor.change(() -> {
      task = snapshot.task();
      maybeReady = !snapshot.state().ended();
    });
    services.notifier().add(this);
    leaveIfClosed();
    return null;
  }

  private Attempt create(Json request, boolean byHandlerThread) throws InterruptedException {
    Prepared prepared = host.initializer().prepare(request, services.database());
    while (true) {
      try {
        return create(prepared, byHandlerThread);
      } catch (StaleTemplate changed) {
        prepared = host.initializer().prepareAnew(request, services.database());
      }
    }
  }

  private Attempt create(Prepared prepared, boolean byHandlerThread) throws InterruptedException {
    resolveHandlers(prepared.template());
    int roots = prepared.task().rootSteps();
    Begun begun;
    Attempt first = null;
    try (SlotPool.Reservation room = host.slots().reserve(roots)) {
      begun = services.claimer().begin(host.initializer(), prepared, atHand(), room.size(), this);
      boolean allBegun = begun.attempts().size() == roots;
      monitor.change(() -> {
        task = begun.task();
        template = task.template();
        created = begun.created();
        maybeReady = !begun.ended() && !allBegun;
      });
      services.notifier().add(this);
      if (byHandlerThread && !begun.attempts().isEmpty() && room.occupy()) {
        first = begun.attempts().get(0);
      }
      begun.attempts().stream().skip(first == null ? 0 : 1).forEach(room::submit);
      if (!allBegun) {
        services.notifier().workCame();
      }
    }
    leaveIfClosed();
    if (!begun.created()) {
      // The idempotency key had made the task before, perhaps from an earlier version.
      resolveHandlers(begun.task().template());
    }
    return first;
  }

  /** Makes the caller look for those of the template's handlers that are not known yet. */
  private void resolveHandlers(TaskTemplate known) throws InterruptedException {
    List<String> unknown = known.handlerNames().stream().filter(name -> !host.directory().has(name)).toList();
    monitor.change(() -> {
      template = known;
      unknownHandlers = unknown;
    });
    boolean left = monitor.await(() -> unknownHandlers.isEmpty() || closed, () -> closed);
    if (left) {
      throw new TaskerException.Closed("The coordinator");
    }
  }

  private List<String> atHand() {
    return host.atHand(template.handlerNames());
  }

  /** The caller may have left while a claim was made. */
  private void leaveIfClosed() {
    if (isClosed()) {
      services.notifier().remove(this);
      services.inFlight().giveBackUnstarted(this);
    }
  }

  private CachedTask task() {
    return monitor.get(() -> task);
  }

  /** @return the state of the task at the end; null if the run has ended with its task, or goes on without this thread */
  private Progress workUntilNothingIsLeft() throws InterruptedException {
    long pauseMs = FIRST_PAUSE_MS;
    while (!isOver()) {
      boolean timeUp = isClosed() || deadline.passed();
      if (!timeUp && takeHint() && claim()) {
        pauseMs = FIRST_PAUSE_MS;
      }
      if (!timeUp && inFlight() > 0) {
        if (park()) {
          return null;
        }
        pause(host.config().pollIntervalMs());
        continue;
      }
      Progress progress = progress();
      boolean heldByOthers = progress.counts().inProgress() > 0;
      boolean nothingLeft = progress.runnableHere() == 0 && !heldByOthers && inFlight() == 0;
      if (timeUp || progress.state().ended() || nothingLeft) {
        return progress;
      }
      if (onlyTimePasses(progress, heldByOthers) && services.clock().skip(untilDue(progress))) {
        signal();
        continue;
      }
      pause(untilNextLook(progress, heldByOthers, pauseMs));
      pauseMs = Math.min(2 * pauseMs, host.config().pollIntervalMs());
    }
    return null;
  }

  private Progress progress() {
    return services.database().call(connection -> reader.progress(connection, task().facts(), atHand()))
        .orElseThrow(() -> new TaskerException.TaskNotFound(taskId()));
  }

  private static boolean onlyTimePasses(Progress progress, boolean heldByOthers) {
    return progress.nextRunInMs() != null && progress.nextRunInMs() > 0 && !heldByOthers;
  }

  /** The time until the next step may run, or until the deadline. */
  private long untilDue(Progress progress) {
    return Math.min(progress.nextRunInMs(), deadline.leftMs()) + 1;
  }

  private long untilNextLook(Progress progress, boolean heldByOthers, long pauseMs) {
    return onlyTimePasses(progress, heldByOthers)
        ? Math.min(progress.nextRunInMs() + 1, host.config().pollIntervalMs())
        : pauseMs;
  }

  /** @return whether any step was claimed */
  private boolean claim() {
    boolean some;
    try (SlotPool.Reservation room = host.slots().reserveWithSlots(template.steps().size())) {
      int places = room.size();
      List<Attempt> attempts = places == 0 ? List.of() : services.claimer().claimOfTask(task(), atHand(), room, this);
      if (attempts.size() == places) {
        // There may be more than there was room for.
        monitor.get(() -> maybeReady = true);
      }
      room.submit(attempts);
      some = !attempts.isEmpty();
    }
    leaveIfClosed();
    return some;
  }

  /**
   * Lets the run go on without a thread, as long as attempts are in flight and nothing else is to be done.
   *
   * @return false if the calling thread is to go on
   */
  private boolean park() {
    if (!parks) {
      return false;
    }
    boolean now = monitor.get(() -> {
      parked = inFlight > 0 && !awake && !maybeReady && !closed && !over;
      return parked || over;
    });
    if (now && !isOver()) {
      services.notifier().pollTasks(host.config().pollIntervalMs());
    }
    return now;
  }

  /** Changes the state of the run. If the run then has something to do and no thread, a thread of the core takes it up. */
  private void change(Runnable change) {
    boolean resumes = monitor.changeAndGet(() -> {
      change.run();
      boolean woken = parked && !over && (awake || closed);
      parked &= !woken;
      return woken;
    });
    if (resumes) {
      try {
        services.executor().execute(() -> ending(this::goOn));
      } catch (TaskerException.Closed closing) {
        finish(null, closing);
      }
    }
  }

  /** Something may have happened elsewhere. */
  @Override
  public void poll() {
    change(() -> {
      maybeReady |= parked;
      awake |= parked;
    });
  }

  /** The task has ended by an outcome that was recorded here. */
  @Override
  public void taskEnded(Ended ended) {
    if (ended.state() == TaskState.COMPLETE && ended.createdAt().equals(task().facts().createdAt())) {
      finish(document(ended.state(), StepCounts.allCompleted(template.steps().size()), null), null);
    } else {
      wake();
    }
  }

  private void finish(Json document, RuntimeException failed) {
    monitor.change(() -> {
      if (!over) {
        over = true;
        outcome = document;
        failure = failed;
      }
    });
  }

  private Json document(TaskState state, StepCounts counts, Instant nextRunAt) {
    return JsonWriter.object(out -> {
      out.put("task_id", taskId())
        .put("status", state.value())
        .put("execution_status", ExecutionStatus.of(state, counts).value())
        .put("steps_executed", monitor.get(() -> executed))
        .put("completed_steps", counts.completed())
        .put("failed_steps", counts.failed())
        .put("total_steps", counts.total())
        .put("duration_ms", (System.nanoTime() - startedNanos) / 1_000_000.0)
        .put("next_run_at", nextRunAt);
      if (created != null) {
        out.put("created", created);
      }
    });
  }

  @Override
  public RunHost host() {
    return host;
  }

  @Override
  public boolean acceptsChildren() {
    return !isClosed() && !deadline.passed();
  }

  @Override
  public void attemptBegan() {
    monitor.get(() -> ++executed);
  }

  @Override
  public void inFlightChanged(int delta) {
    host.inFlightChanged(delta);
    change(() -> {
      inFlight += delta;
      awake |= inFlight == 0 || maybeReady;
    });
  }

  /** There may be steps of the task to claim. */
  @Override
  public void signal() {
    change(() -> {
      maybeReady = true;
      awake = true;
    });
  }

  private void wake() {
    change(() -> awake = true);
  }

  @Override
  public long taskId() {
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

  /** Waits until something happens here, or until it is time to look whether something has happened elsewhere. */
  private void pause(long waitMs) throws InterruptedException {
    monitor.await(() -> awake || closed || over, deadline.capNanos(waitMs), () -> {
      maybeReady |= !awake;
      awake = false;
      return null;
    });
  }

  private boolean isOver() {
    return monitor.get(() -> over);
  }

  private boolean isClosed() {
    return monitor.get(() -> closed);
  }

  private int inFlight() {
    return monitor.get(() -> inFlight);
  }
}
