package io.taskercore.engine;

import io.taskercore.config.ConnectionMode;
import io.taskercore.metrics.EngineMetrics;
import io.taskercore.model.Json;
import io.taskercore.model.JsonWriter;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Works through whatever may run, of any task, until it is stopped.
 *
 * <ol>
 *   <li>Its claimer thread takes batches from the queue, as much as the lane has room for, and sleeps when there is nothing:
 *       until somebody in this process makes work, or another one announces it, or the poll interval is over.
 *   <li>Handler threads run the attempts; the recorder hands over children in between.
 *   <li>{@link #stop} claims no more, lets what runs come to its end, interrupts the rest after the deadline, and gives back
 *       what it holds.
 * </ol>
 */
public final class Worker implements Claimant, AutoCloseable {

  private static final Logger LOG = LoggerFactory.getLogger(Worker.class);

  /** An idle worker that hears of work looks less and less often: in the end so many poll intervals apart. */
  private static final int LONGEST_PAUSE = 8;

  private static final long LONGEST_WAIT_MS = TimeUnit.MINUTES.toMillis(1);

  /** How often handlers that could not be found are looked for again. */
  private static final long RESOLVE_NANOS = TimeUnit.SECONDS.toNanos(30);

  private final Coordinator coordinator;
  private final CoreRuntime runtime;
  private final WorkerOptions options;
  private final Runnable starter = this::threadsWanted;
  private final InFlight inFlight = new InFlight();
  private final AtomicLong claimed = new AtomicLong();
  private final AtomicLong executed = new AtomicLong();

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private boolean workMayBeThere = true;
  private boolean threadsWanted;
  private boolean handlersWanted;
  private boolean quiet;
  private boolean stopping;
  private boolean stopped;
  private Thread claimer;
  private long newestTemplate = -1;
  private long resolvedNanos = System.nanoTime();
  private volatile Set<String> templateHandlers = Set.of();

  Worker(Coordinator coordinator, WorkerOptions options) {
    this.coordinator = coordinator;
    this.runtime = coordinator.runtime();
    this.options = options;
  }

  void start() {
    coordinator.attempts().addStarter(starter);
    runtime.addWorker(this);
    claimer = Threads.start("claimer", this::run);
  }

  /** What the one who waits for a worker is to do next. */
  public enum Request {
    /** Start as many handler threads as {@link AttemptQueue#threadsToStart} says. */
    START_THREADS,
    /** Look for the handlers of {@link #handlerNames}, so that the directory knows them. */
    RESOLVE_HANDLERS,
    /** Nothing any more: the worker has stopped. */
    END
  }

  /** Waits until there is something to do for the side that owns the handlers. */
  public Request await() throws InterruptedException {
    lock.lockInterruptibly();
    try {
      while (!stopped && !threadsWanted && !handlersWanted) {
        changed.await();
      }
      if (handlersWanted) {
        handlersWanted = false;
        return Request.RESOLVE_HANDLERS;
      }
      if (threadsWanted) {
        threadsWanted = false;
        return Request.START_THREADS;
      }
      return Request.END;
    } finally {
      lock.unlock();
    }
  }

  /**
   * Waits until the worker has stopped.
   *
   * @param timeoutMs how long at most, in milliseconds; null: as long as it takes
   * @return whether it has
   */
  public boolean awaitEnd(Long timeoutMs) throws InterruptedException {
    Deadline deadline = Deadline.in(timeoutMs);
    lock.lockInterruptibly();
    try {
      while (!stopped && !deadline.passed()) {
        changed.awaitNanos(deadline.capNanos(LONGEST_WAIT_MS));
      }
      return stopped;
    } finally {
      lock.unlock();
    }
  }

  /** The names of all handlers that templates ask for. */
  public Set<String> handlerNames() {
    return templateHandlers;
  }

  /** Called after the directory has been brought up to date. */
  public void handlersResolved() {
    coordinator.met(templateHandlers);
    signal();
  }

  private void run() {
    int emptyLooks = 0;
    while (!isStopping()) {
      try {
        boolean signalled = work(emptyLooks);
        emptyLooks = signalled ? 0 : emptyLooks + 1;
      } catch (InterruptedException interrupted) {
        return;
      } catch (RuntimeException | Error failure) {
        LOG.warn("claimer: nothing claimed, next try follows: {}", failure.getMessage());
        sleepAfterFailure();
      }
    }
  }

  /** Claims as long as there is something and room for it, then sleeps; true if it was woken. */
  private boolean work(int emptyLooks) throws InterruptedException {
    long longest = longestPauseMs(emptyLooks);
    if (isQuiet()) {
      return pause(longest);
    }
    if (claim()) {
      return true;
    }
    if (coordinator.lane().load().waiting() > 0) {
      return pause(longest);
    }
    lookForTemplates();
    Long due = runtime.untilNextDueMs();
    // Once more, for what became due between the claim and the look: neither has seen it.
    return claim() || pause(due == null ? longest : Math.max(1, Math.min(due + 1, longest)));
  }

  /** Through a pooler nobody can listen: polling is the only way to hear of other processes' work. */
  private long longestPauseMs(int emptyLooks) {
    int mostIntervals = coordinator.config().connectionMode() == ConnectionMode.DIRECT ? LONGEST_PAUSE : 1;
    return coordinator.config().pollIntervalMs() * Math.min(1L << Math.min(emptyLooks, 16), mostIntervals);
  }

  /** @return whether there was something, so that there may be more */
  private boolean claim() {
    if (newestTemplate < 0) {
      lookForTemplates();
    }
    List<String> handlers = coordinator.handlersAtHandNow();
    if (handlers.isEmpty()) {
      return false;
    }
    Lane lane = coordinator.lane();
    int room = lane.reserveBatch();
    int used = 0;
    try {
      if (room > 0) {
        List<Attempt> attempts = runtime.claimer().claimReady(handlers, namespaces(), room, this);
        if (isQuiet()) {
          // Since the claim was sent: it may have taken what came after quiet had returned.
          runtime.giveBackUnstarted(attempts);
          return false;
        }
        used = attempts.size();
        claimed.addAndGet(used);
        attempts.forEach(lane::submit);
      }
      return used > 0;
    } finally {
      lane.giveUp(room - used);
    }
  }

  /** Empty: all. */
  private List<String> namespaces() {
    return options.namespaces() != null ? options.namespaces() : coordinator.config().namespaces();
  }

  /** New templates may name handlers that nobody here has looked for yet; and what was missing may have come. */
  private void lookForTemplates() {
    long newest = runtime.templates().newestId();
    boolean anew = System.nanoTime() - resolvedNanos > RESOLVE_NANOS;
    if (newest != newestTemplate || anew) {
      templateHandlers = runtime.templates().handlerNames();
      newestTemplate = newest;
      resolvedNanos = System.nanoTime();
      lock.lock();
      try {
        handlersWanted = true;
        changed.signalAll();
      } finally {
        lock.unlock();
      }
    }
  }

  /** Looks at the queue soon: work was made, or room came free. */
  void signal() {
    lock.lock();
    try {
      workMayBeThere = true;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /** @return true if it was cut short by a signal */
  private boolean pause(long waitMs) throws InterruptedException {
    lock.lock();
    try {
      long nanos = TimeUnit.MILLISECONDS.toNanos(waitMs);
      while (!workMayBeThere && !stopping && nanos > 0) {
        nanos = changed.awaitNanos(nanos);
      }
      boolean signalled = workMayBeThere;
      workMayBeThere = false;
      return signalled;
    } finally {
      lock.unlock();
    }
  }

  private void sleepAfterFailure() {
    try {
      pause(coordinator.config().pollIntervalMs());
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  /** Claims no more; what is claimed runs to its end. */
  public void quiet() {
    lock.lock();
    try {
      quiet = true;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /**
   * Stops the worker; a second call waits for the first one's end only.
   *
   * @param timeoutMs how long handlers that run may take to end by themselves, in milliseconds
   * @return false if some had to be interrupted
   */
  public boolean stop(long timeoutMs) {
    lock.lock();
    try {
      quiet = true;
      stopping = true;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
    joinClaimer();
    runtime.giveBackUnstarted(this);
    boolean drained = inFlight.awaitNone(timeoutMs);
    if (!drained) {
      runtime.breakOff(attempt -> attempt.claimant() == this);
    }
    coordinator.attempts().removeStarter(starter);
    runtime.removeWorker(this);
    coordinator.ended(this);
    lock.lock();
    try {
      stopped = true;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
    return drained;
  }

  private void joinClaimer() {
    try {
      claimer.join(TimeUnit.SECONDS.toMillis(30));
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public void close() {
    stop(coordinator.config().shutdownTimeoutMs());
  }

  public boolean isRunning() {
    lock.lock();
    try {
      return !stopping;
    } finally {
      lock.unlock();
    }
  }

  /** Whether nothing of it runs any more. */
  public boolean isStopped() {
    lock.lock();
    try {
      return stopped;
    } finally {
      lock.unlock();
    }
  }

  /**
   * {@code state} (running, quiet, stopping, stopped), {@code connection_mode} (direct, pooler), {@code claimed}, {@code executed},
   * {@code running}, {@code waiting}.
   */
  public Json stats() {
    Lane.Load load = coordinator.lane().load();
    return JsonWriter.object(out -> out
        .put("state", state())
        .put("connection_mode", coordinator.config().connectionMode().wire())
        .put("claimed", claimed.get())
        .put("executed", executed.get())
        .put("running", load.running())
        .put("waiting", load.waiting()));
  }

  private String state() {
    lock.lock();
    try {
      if (stopped) {
        return "stopped";
      }
      if (stopping) {
        return "stopping";
      }
      return quiet ? "quiet" : "running";
    } finally {
      lock.unlock();
    }
  }

  private boolean isQuiet() {
    lock.lock();
    try {
      return quiet;
    } finally {
      lock.unlock();
    }
  }

  private boolean isStopping() {
    lock.lock();
    try {
      return stopping;
    } finally {
      lock.unlock();
    }
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
    return !isQuiet();
  }

  @Override
  public void began(Attempt attempt) {
    executed.incrementAndGet();
  }

  @Override
  public void holds(int more) {
    coordinator.holds(more);
    inFlight.add(more);
  }
}
