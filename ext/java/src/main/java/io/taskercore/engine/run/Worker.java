package io.taskercore.engine.run;

import io.taskercore.config.ConnectionMode;
import io.taskercore.engine.attempt.Attempt;
import io.taskercore.engine.attempt.AttemptQueue;
import io.taskercore.engine.attempt.SlotPool;
import io.taskercore.engine.claim.StepClaimer.Ready;
import io.taskercore.engine.clock.Deadline;
import io.taskercore.engine.notify.WorkListener;
import io.taskercore.engine.threads.InFlight;
import io.taskercore.engine.threads.Monitor;
import io.taskercore.engine.threads.Threads;
import io.taskercore.model.Json;
import io.taskercore.model.JsonWriter;
import io.taskercore.model.TaskerException;
import io.taskercore.model.TemplateKey;
import io.taskercore.store.StepClaims;
import io.taskercore.store.StepClaims.QueueForecast;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;

/**
 * Works through all steps that may run, of any task, until it is stopped.
 *
 * <ol>
 *   <li>Its claimer thread takes batches from the queue, as many steps as there is room for. When there are none, it sleeps until
 *       somebody in this process makes work, another process announces work, or the poll interval is over.
 *   <li>Handler threads run the attempts; recorders hand over children in between.
 *   <li>{@link #stop} claims no more, lets what runs come to its end, interrupts the rest after the deadline, and gives back what it
 *       holds.
 * </ol>
 */
public final class Worker implements HostedOwner, WorkListener, AutoCloseable {

  private static final Logger LOG = LoggerFactory.getLogger(Worker.class);

  /** While it finds nothing, an idle worker that listens doubles its pause, up to this many poll intervals. */
  private static final int LONGEST_PAUSE = 8;

  /** How many queued steps a claim looks at for each place that is free. */
  private static final int LOOK = 2;

  /** A look that finds only locked rows is followed by deeper looks. Each looks at this many times as many rows as the one before. */
  private static final int DEEPER = 8;

  /** A single look goes no deeper into the queue than this. */
  private static final int DEEPEST_LOOK = 8_192;

  /** The log names so many handlers. */
  private static final int MOST_NAMES = 50;

  private static final long FOREVER_MS = TimeUnit.DAYS.toMillis(36_500);

  /** How often to look again for handlers that could not be found. */
  private static final long RESOLVE_NANOS = TimeUnit.SECONDS.toNanos(30);

  private final RunHost host;
  private final RunServices services;
  private final WorkerOptions options;
  private final StepClaims claims = new StepClaims();
  private final Runnable starter = this::threadsWanted;
  private final InFlight inFlight = new InFlight();
  private final AtomicLong claimedSteps = new AtomicLong();
  private final AtomicLong executed = new AtomicLong();

  private final Monitor monitor = new Monitor();
  private boolean workMayBeThere = true;
  private boolean threadsWanted;
  private boolean handlersWanted;
  private boolean quiet;
  private boolean stopping;
  private boolean stopped;

  /** Whether the last look found steps for this worker that are claimed only for slots that are held free. */
  private boolean apartWaits;
  private final Thread claimer = Threads.named("claimer").newThread(this::run);
  private TemplateKey newestTemplate;
  private long resolvedNanos = System.nanoTime();
  private volatile Set<String> templateHandlers = Set.of();

  /** What the log says of handlers at hand. */
  private Set<String> loggedHandlers;

  public Worker(RunHost host, RunServices services, WorkerOptions options) {
    this.host = host;
    this.services = services;
    this.options = options;
  }

  public void start() {
    LOG.info(
        "worker: works on {} (connection_mode {}), in {}, {} handlers at once",
        host.config().databaseUrl().label(), services.notifier().mode().value(),
        namespaces().isEmpty() ? "all namespaces" : "the namespaces " + String.join(", ", namespaces()), host.config().maxParallelSteps());
    host.queue().addStarter(starter);
    services.notifier().add(this);
    claimer.start();
  }

  /** What the side that owns the handlers must do next. */
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
    return monitor.await(() -> stopped || threadsWanted || handlersWanted, this::takeRequest);
  }

  private Request takeRequest() {
    if (handlersWanted) {
      handlersWanted = false;
      return Request.RESOLVE_HANDLERS;
    }
    if (threadsWanted) {
      threadsWanted = false;
      return Request.START_THREADS;
    }
    return Request.END;
  }

  /**
   * Waits until the worker has stopped.
   *
   * @param timeoutMs how long at most, in milliseconds; null: as long as it takes
   * @return whether it has stopped
   */
  public boolean awaitEnd(Long timeoutMs) throws InterruptedException {
    long nanos = Deadline.in(timeoutMs).capNanos(FOREVER_MS);
    return monitor.await(() -> stopped, nanos, () -> stopped);
  }

  /** The names of all handlers that templates ask for. */
  public Set<String> handlerNames() {
    return templateHandlers;
  }

  /** Called after the directory was brought up to date. */
  public void handlersResolved() {
    host.resolved(templateHandlers);
    logHandlers();
    signal();
  }

  /** Whenever others are at hand than before: what a worker cannot run, it leaves alone without a word. */
  private void logHandlers() {
    Set<String> atHand = new TreeSet<>(templateHandlers);
    atHand.removeIf(name -> !host.directory().has(name));
    Set<String> missing = new TreeSet<>(templateHandlers);
    missing.removeAll(atHand);
    if (!atHand.equals(loggedHandlers) && !templateHandlers.isEmpty()) {
      loggedHandlers = atHand;
      LOG.info("worker: has the handlers {}{}", named(atHand), missing.isEmpty() ? "" : "; of other steps it lacks " + named(missing));
    }
  }

  private static String named(Set<String> handlers) {
    String first = handlers.stream().limit(MOST_NAMES).collect(Collectors.joining(", "));
    int more = handlers.size() - MOST_NAMES;
    return handlers.isEmpty() ? "of no step" : more > 0 ? first + " and " + more + " more" : first;
  }

  private void run() {
    try {
      workUntilStopping();
    } finally {
      host.slots().letSlotsGo();
    }
  }

  private void workUntilStopping() {
    int emptyLooks = 0;
    while (!monitor.get(() -> stopping)) {
      try {
        boolean signalled = work(emptyLooks);
        emptyLooks = signalled ? 0 : emptyLooks + 1;
      } catch (InterruptedException interrupted) {
        return;
      } catch (RuntimeException | Error failure) {
        boolean told = failure instanceof TaskerException.Database database && database.isOutage();
        LOG.atLevel(told ? Level.DEBUG : Level.WARN).log("claimer: nothing claimed, next try follows: {}", failure.getMessage());
        sleepAfterFailure();
      }
    }
  }

  /** The result of a look at the queue. */
  private enum Claimed {
    SOME,
    NOTHING,
    /** The queue was not asked, because all slots are taken. {@link #signal} follows as soon as one is free. */
    NO_ROOM
  }

  /** Claims while there are steps and room for them, then sleeps; true if it was woken. */
  private boolean work(int emptyLooks) throws InterruptedException {
    long longest = longestPauseMs(emptyLooks);
    Claimed claimed = claim(LOOK, false);
    if (claimed == Claimed.NOTHING) {
      QueueForecast forecast = forecast();
      apartWaits = forecast.apartWaits();
      readNewTemplates(forecast.newestTemplate());
      longest = forecast.nextInMs() == null ? longest : Math.max(1, Math.min(forecast.nextInMs() + 1, longest));
      // A step became due after the claim, or it lies behind rows that others have locked. Steps that are claimed apart may just find no
      // slot.
      int deepest = forecast.ready() ? DEEPEST_LOOK : apartWaits ? LOOK * DEEPER : 0;
      for (int look = LOOK * DEEPER; claimed == Claimed.NOTHING && look <= deepest; look *= DEEPER) {
        claimed = claim(look, true);
      }
    }
    return claimed == Claimed.SOME || pause(longest);
  }

  /** What the queue has for the handlers at hand. */
  private QueueForecast forecast() {
    List<String> handlers = host.resolvedHandlers();
    boolean mayTakeLastChance = services.inFlight().isLastChanceFree();
    return services.database().call(connection -> claims.forecast(connection, handlers, namespaces(), mayTakeLastChance));
  }

  /** Behind a pooler nobody can listen: polling is the only way to hear of other processes' work. */
  private long longestPauseMs(int emptyLooks) {
    int mostIntervals = services.notifier().mode() == ConnectionMode.DIRECT ? LONGEST_PAUSE : 1;
    return host.config().pollIntervalMs() * Math.min(1L << Math.min(emptyLooks, 16), mostIntervals);
  }

  private Claimed claim(int look, boolean deep) {
    if (isQuiet()) {
      host.slots().letSlotsGo();
      return Claimed.NO_ROOM;
    }
    if (newestTemplate == null) {
      readNewTemplates(services.templates().lastRegistered());
    }
    List<String> handlers = host.resolvedHandlers();
    if (handlers.isEmpty()) {
      host.slots().letSlotsGo();
      return Claimed.NOTHING;
    }
    try (SlotPool.Reservation room = apartWaits ? host.slots().reserveBatchWithSlots() : host.slots().reserveBatch()) {
      if (room.size() == 0) {
        return Claimed.NO_ROOM;
      }
      Ready ready = services.claimer().claimReady(handlers, namespaces(), room, look, deep, this);
      List<Attempt> attempts = ready.attempts();
      apartWaits = attempts.isEmpty() ? apartWaits : ready.apartWaits();
      if (isQuiet()) {
        // The worker became quiet after the claim was sent. The claim may have taken steps that came after quiet had returned.
        services.inFlight().giveBackUnstarted(attempts);
        return Claimed.NOTHING;
      }
      claimedSteps.addAndGet(attempts.size());
      room.submit(attempts);
      return attempts.isEmpty() ? Claimed.NOTHING : Claimed.SOME;
    }
  }

  /** Empty: all. */
  private List<String> namespaces() {
    return options.namespaces() != null ? options.namespaces() : host.config().namespaces();
  }

  /** New templates may name handlers that nobody here has looked for yet. A handler that was missing may also have come. */
  private void readNewTemplates(TemplateKey newest) {
    boolean anew = System.nanoTime() - resolvedNanos > RESOLVE_NANOS;
    if (!newest.equals(newestTemplate) || anew) {
      templateHandlers = services.templates().handlerNames();
      newestTemplate = newest;
      resolvedNanos = System.nanoTime();
      monitor.change(() -> handlersWanted = true);
    }
  }

  /** Makes the worker look at the queue soon, because work was made, or room came free. */
  @Override
  public void signal() {
    monitor.change(() -> workMayBeThere = true);
  }

  /** @return true if it was cut short by a signal */
  private boolean pause(long waitMs) throws InterruptedException {
    return monitor.await(() -> workMayBeThere || stopping, TimeUnit.MILLISECONDS.toNanos(waitMs), () -> {
      boolean signalled = workMayBeThere;
      workMayBeThere = false;
      return signalled;
    });
  }

  private void sleepAfterFailure() {
    try {
      pause(host.config().pollIntervalMs());
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  /** Claims no more; what is claimed runs to its end. */
  public void quiet() {
    monitor.change(() -> quiet = true);
  }

  /**
   * Stops the worker; a second call only waits for the end of the first.
   *
   * @param timeoutMs how long handlers that run may take to end by themselves, in milliseconds
   * @return false if some had to be interrupted
   */
  public boolean stop(long timeoutMs) {
    monitor.change(() -> {
      quiet = true;
      stopping = true;
    });
    joinClaimer();
    services.inFlight().giveBackUnstarted(this);
    boolean drained = inFlight.awaitNone(timeoutMs);
    if (!drained) {
      services.inFlight().breakOff(attempt -> attempt.owner() == this);
      host.slots().deaf().tellOfStopping(attempt -> attempt.owner() == this);
    }
    host.queue().removeStarter(starter);
    services.notifier().remove(this);
    host.ended(this);
    monitor.change(() -> stopped = true);
    return drained;
  }

  /** The interrupt ends a wait for a connection while PostgreSQL is away. A statement that was sent goes on to its end. */
  private void joinClaimer() {
    claimer.interrupt();
    try {
      claimer.join(TimeUnit.SECONDS.toMillis(30));
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public void close() {
    stop(host.config().shutdownTimeoutMs());
  }

  public boolean isRunning() {
    return monitor.get(() -> !stopping);
  }

  /** Whether no part of the worker runs any more. */
  public boolean isStopped() {
    return monitor.get(() -> stopped);
  }

  /**
   * {@code state} (running, quiet, stopping, stopped), {@code connection_mode} (direct, pooler), {@code claimed}, {@code executed},
   * {@code running}, {@code waiting}.
   */
  public Json stats() {
    SlotPool.Load load = host.slots().load();
    return JsonWriter.object(out -> out
        .put("state", state())
        .put("connection_mode", services.notifier().mode().value())
        .put("claimed", claimedSteps.get())
        .put("executed", executed.get())
        .put("running", load.running())
        .put("waiting", load.waiting()));
  }

  private String state() {
    return monitor.get(() -> stopped ? "stopped" : stopping ? "stopping" : quiet ? "quiet" : "running");
  }

  /** Whether it was told to take no more. */
  public boolean isQuiet() {
    return monitor.get(() -> quiet);
  }

  private void threadsWanted() {
    monitor.change(() -> threadsWanted = true);
  }

  @Override
  public RunHost host() {
    return host;
  }

  @Override
  public boolean acceptsChildren() {
    return !isQuiet();
  }

  @Override
  public void attemptBegan() {
    executed.incrementAndGet();
  }

  @Override
  public void inFlightChanged(int delta) {
    host.inFlightChanged(delta);
    inFlight.add(delta);
  }
}
