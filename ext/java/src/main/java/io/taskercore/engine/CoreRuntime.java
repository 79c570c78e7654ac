package io.taskercore.engine;

import com.zaxxer.hikari.HikariDataSource;
import com.zaxxer.hikari.HikariPoolMXBean;
import io.taskercore.config.OrchestrationConfig;
import io.taskercore.engine.attempt.InFlightAttempts;
import io.taskercore.engine.attempt.OutcomeSink;
import io.taskercore.engine.attempt.ResultRoom;
import io.taskercore.engine.claim.ListedTasks;
import io.taskercore.engine.claim.StepClaimer;
import io.taskercore.engine.claim.UnconfirmedClaims;
import io.taskercore.engine.clock.CoreClock;
import io.taskercore.engine.clock.Deadline;
import io.taskercore.engine.clock.TestClock;
import io.taskercore.engine.clock.Timers;
import io.taskercore.engine.create.TaskInitializer;
import io.taskercore.engine.housekeeping.Housekeeping;
import io.taskercore.engine.housekeeping.ProcessLease;
import io.taskercore.engine.housekeeping.Reaper;
import io.taskercore.engine.housekeeping.Sweeper;
import io.taskercore.engine.notify.TaskEvents;
import io.taskercore.engine.notify.WorkNotifier;
import io.taskercore.engine.operate.OperatorChanges;
import io.taskercore.engine.record.AfterCommit;
import io.taskercore.engine.record.ClaimReturns;
import io.taskercore.engine.record.OutcomeTransactions;
import io.taskercore.engine.record.ResultRecorders;
import io.taskercore.engine.report.ActiveTasks;
import io.taskercore.engine.report.DatabaseProbe;
import io.taskercore.engine.report.Health;
import io.taskercore.engine.report.Health.Complaint;
import io.taskercore.engine.run.RunServices;
import io.taskercore.engine.task.TaskCache;
import io.taskercore.engine.task.TemplateRegistry;
import io.taskercore.engine.threads.Loop;
import io.taskercore.engine.threads.Threads;
import io.taskercore.event.EventPublisher;
import io.taskercore.event.Losses;
import io.taskercore.metrics.EngineMetrics;
import io.taskercore.metrics.PoolUse;
import io.taskercore.model.ClaimedStep;
import io.taskercore.model.ClaimedStep.Claim;
import io.taskercore.model.Json;
import io.taskercore.model.TaskerException;
import io.taskercore.store.ClockOffset;
import io.taskercore.store.Database;
import io.taskercore.store.KeptConnection;
import io.taskercore.store.LentConnections;
import io.taskercore.store.ProcessStore.Abilities;
import io.taskercore.store.Sessions;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.postgresql.ds.PGSimpleDataSource;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What all coordinators of one database share in this JVM: the pool, the recorders, the lease under which the process holds its claims.
 * {@link OpenRuntimes} makes it with the first handle and closes it with the last.
 */
final class CoreRuntime {

  private static final Logger LOG = LoggerFactory.getLogger(CoreRuntime.class);

  /** At the end, recording and giving back have at least this long, however short {@code shutdown_timeout_ms} is. */
  private static final long LAST_WORDS_MS = 5_000;

  /** What all coordinators that this process ever had have done together. */
  private static final EngineMetrics PROCESS = new EngineMetrics(System::nanoTime, null);

  private final CoreClock clock;
  private final CurrentMode mode;
  private final Timers timers;
  private final HikariDataSource pool;
  private final Database database;
  private final ExecutorService executor;
  private final EngineMetrics metrics = new EngineMetrics(System::nanoTime, PROCESS);
  private final TemplateRegistry templates;
  private final EventPublisher publisher;
  private final TaskEvents events;
  private final WorkNotifier notifier;
  private final ResultRoom results = ResultRoom.anEighthOfTheHeap();
  private final InFlightAttempts inFlight;
  private final AfterCommit afterCommit;
  private final ClaimReturns returns;
  private final Housekeeping housekeeping;
  private final ResultRecorders recorders;
  private final SessionWatch sessionWatch;
  private final Loop sessionWatcher;
  private final Health health;
  private final ActiveTasks activeTasks;
  private final RunServices runServices;
  private final Set<CoordinatorRuns> coordinators = ConcurrentHashMap.newKeySet();
  private final Runnable clockListener = this::timeMoved;

  /**
   * Builds everything, each part from the parts before it:
   *
   * <ol>
   *   <li>time, and the ways to the database;
   *   <li>templates and tasks as they are kept in memory;
   *   <li>who is told of what happens;
   *   <li>the attempts in flight. They alone need parts that come later: where outcomes go, and how claims are given back;
   *   <li>what follows a commit, and the transactions whose commits it follows;
   *   <li>what runs and workers are given.
   * </ol>
   *
   * <p>None of the core's threads runs before {@link #start}.
   */
  CoreRuntime(OrchestrationConfig config, CoreClock clock) {
    this.clock = clock;
    this.timers = new Timers(clock);
    this.mode = new CurrentMode(Connections.prepareSchema(config, config.autoMigrate()));
    PGSimpleDataSource driver = Connections.driver(config, mode.get());
    SpoiltSessions spoilt = new SpoiltSessions();
    Outage outage = new Outage();
    // Behind a pooler, the server's sessions are the pooler's.
    Sessions sessions = mode.isDirect() ? new Sessions() : Sessions.UNWATCHED;
    this.pool = Connections.pool(config, mode, spoilt, sessions);
    this.database = database(pool, clock, outage, sessions);
    this.executor = new ThreadPoolExecutor(
        0, Integer.MAX_VALUE, 10, TimeUnit.SECONDS, new SynchronousQueue<>(), Threads.named("core"));

    this.templates = new TemplateRegistry(database);
    TaskCache tasks = new TaskCache(database, templates);

    this.publisher = new EventPublisher(new CountedLosses(metrics));
    this.events = new TaskEvents(publisher, tasks);
    this.notifier = new WorkNotifier(database, driver, mode, timers, outage);

    this.inFlight =
        new InFlightAttempts(tasks, clock, timers, this::outcomeSink, this::giveBack, notifier::wakeWorkers, results);

    this.afterCommit = new AfterCommit(events, inFlight, notifier);
    this.returns = claimReturns(database);
    UnconfirmedClaims unconfirmed = new UnconfirmedClaims(database, inFlight, returns);
    ListedTasks listed = new ListedTasks(() -> heldTasks(tasks), unconfirmed::isSuspicious);
    KeptConnection leases = Connections.kept(config, mode, outage, sessions);
    ProcessLease lease =
        new ProcessLease(leases, inFlight, listed, this::abilities, () -> poolerFound(config, leases), config.leaseMs());
    Reaper reaper = reaper(lease);
    this.housekeeping = new Housekeeping(lease, reaper, sweeper(this::processId, reaper::report, unconfirmed::report), unconfirmed, this::holdsClaims, config.sweepIntervalMs());
    StepClaimer claimer = new StepClaimer(
        database, tasks, events, inFlight, unconfirmed, listed, returns, housekeeping::processId, this::execute);
    OutcomeTransactions outcomes = new OutcomeTransactions(
        database, events, claimer, inFlight, unconfirmed, afterCommit, housekeeping::processId, metrics);
    this.recorders = new ResultRecorders(outcomes, database, inFlight, unconfirmed, config.databasePoolSize());

    this.sessionWatch = new SessionWatch(sessions, Connections.brief(config, mode.get()), this::execute, unconfirmed::doubt);
    this.sessionWatcher = new Loop("sessions", () -> SessionWatch.LOOK_MS, sessionWatch::look);
    this.health = new Health(
        pool, new DatabaseProbe(database, this::execute), new DatabaseProbe(new Database(driver), this::execute), lease,
        mode, notifier, () -> complaints(config, spoilt));
    this.activeTasks = new ActiveTasks(database, System::nanoTime);
    this.runServices =
        new RunServices(database, clock, this::execute, tasks, templates, claimer, inFlight, notifier);
  }

  void start() {
    recorders.start();
    sessionWatcher.start();
    if (clock instanceof TestClock movable) {
      movable.add(clockListener);
    }
  }

  ClaimReturns claimReturns(Database database) {
    return new ClaimReturns(database, events, afterCommit, metrics, timers, this::execute);
  }

  /** A reaper for the process that holds the lease; nobody makes its rounds yet. */
  Reaper reaper(ProcessLease lease) {
    return new Reaper(database, events, afterCommit, metrics, lease);
  }

  /** One whose rounds nobody makes yet. */
  Sweeper sweeper(LongSupplier processId, Consumer<Set<Long>> orphaned, Consumer<List<Claim>> ours) {
    return new Sweeper(database, events, afterCommit, metrics, processId, orphaned, ours);
  }

  private List<Complaint> complaints(OrchestrationConfig config, SpoiltSessions spoilt) {
    List<Complaint> complaints = new ArrayList<>();
    coordinators.stream().map(CoordinatorRuns::deafness).filter(Objects::nonNull).forEach(complaints::add);
    recorders.blocked().forEach(reason -> complaints.add(new Complaint(false, reason)));
    sessionWatch.complaints().forEach(reason -> complaints.add(new Complaint(false, reason)));
    if (mode.get() != config.connectionMode()) {
      complaints.add(new Complaint(false, Connections.behindPooler(config)));
    } else if (mode.isDirect() && spoilt.areShared()) {
      complaints.add(new Complaint(false, "prepared statements are lost again and again: a pooler that lends sessions for one "
          + "transaction may be between; then configure connection_mode: pooler"));
    }
    return complaints;
  }

  /**
   * Somebody has changed how a pooler lends sessions, or what is between. What is on sessions by then stays there; nothing more is added.
   */
  private void poolerFound(OrchestrationConfig config, KeptConnection leases) {
    if (mode.isDirect()) {
      mode.poolerFound();
      LOG.warn("database: {}", Connections.behindPooler(config));
      leases.close();
      pool.getHikariPoolMXBean().softEvictConnections();
      execute(notifier::stopListening);
    }
  }

  /** The order matters: claims that are given back were in flight before, and become outstanding before their attempts are let go. */
  private Set<Long> heldTasks(TaskCache tasks) {
    Set<Long> held = tasks.inUse();
    returns.outstanding().forEach(claim -> held.add(ClaimedStep.taskIdOf(claim.stepId())));
    return held;
  }

  private boolean holdsClaims() {
    return !returns.outstanding().isEmpty() || !inFlight.all().isEmpty();
  }

  private OutcomeSink outcomeSink() {
    return recorders;
  }

  /** Gives claims back, so that their steps run again. */
  void giveBack(List<ClaimedStep> claims, boolean started) {
    returns.giveBack(claims, started);
  }

  /** Tells each connection the time of a test's clock again. For real time there is nothing to do. */
  private static Database database(HikariDataSource pool, CoreClock clock, Outage outage, Sessions sessions) {
    ClockOffset offset = new ClockOffset();
    return clock.movable()
        ? new Database(pool, connection -> offset.set(connection, clock.offsetMs()), outage, sessions)
        : new Database(pool, connection -> {}, outage, sessions);
  }

  private void timeMoved() {
    timers.moved();
    notifier.timeMoved();
  }

  /**
   * Closes everything after the outcomes that have arrived were recorded.
   *
   * @param deadline until when to try that, if PostgreSQL is away; some seconds are tried in any case
   */
  void close(Deadline deadline) {
    Deadline end = Deadline.in(Math.max(LAST_WORDS_MS, deadline.leftMs()));
    if (clock instanceof TestClock movable) {
      movable.remove(clockListener);
    }
    activeTasks.close();
    results.close();
    recorders.close(end);
    notifier.close();
    executor.shutdown();
    awaitExecutor(end);
    housekeeping.close(end);
    timers.close();
    // Last, for it breaks off what the others would wait for in vain.
    sessionWatcher.awaitEnd(end.leftMs());
    pool.close();
  }

  private void awaitExecutor(Deadline end) {
    try {
      if (!executor.awaitTermination(end.leftMs(), TimeUnit.MILLISECONDS)) {
        executor.shutdownNow();
      }
    } catch (InterruptedException interrupted) {
      executor.shutdownNow();
      Thread.currentThread().interrupt();
    }
  }

  /** The largest size that a handle has asked for wins. */
  void widenPool(int size) {
    if (size > pool.getMaximumPoolSize()) {
      pool.getHikariConfigMXBean().setMaximumPoolSize(size);
    }
  }

  private record CountedLosses(EngineMetrics metrics) implements Losses {
    @Override
    public void dropped(int events) {
      metrics.eventsDropped(events);
    }

    @Override
    public void failed() {
      metrics.subscriberFailed();
    }
  }

  Database database() {
    return database;
  }

  CoreClock clock() {
    return clock;
  }

  TemplateRegistry templates() {
    return templates;
  }

  EventPublisher publisher() {
    return publisher;
  }

  InFlightAttempts inFlight() {
    return inFlight;
  }

  /** How many outcomes have arrived and are in no transaction yet. */
  int outcomesWaiting() {
    return recorders.waiting();
  }

  /** The id under which this process holds claims; from the first call on, its lease is renewed. */
  long processId() {
    return housekeeping.processId();
  }

  RunServices runServices() {
    return runServices;
  }

  /** @param config gives the configuration of the moment */
  TaskInitializer initializer(LentConnections lent, Supplier<OrchestrationConfig> config) {
    return new TaskInitializer(templates, events, lent, config);
  }

  /**
   * @param counted where the ends of tasks are counted
   * @param cancelGraceMs gives the setting of the moment
   */
  OperatorChanges operatorChanges(EngineMetrics counted, LongSupplier cancelGraceMs) {
    return new OperatorChanges(database, events, afterCommit, inFlight, timers, counted, cancelGraceMs);
  }

  /** There are steps in the queue that nobody here was given. */
  void workCame() {
    notifier.workCame();
  }

  Json health() {
    return health.report();
  }

  static EngineMetrics processMetrics() {
    return PROCESS;
  }

  /** Counts what happens on this database and belongs to none of its coordinators. */
  EngineMetrics metrics() {
    return metrics;
  }

  PoolUse poolUse() {
    HikariPoolMXBean use = pool.getHikariPoolMXBean();
    return new PoolUse(
        pool.getMaximumPoolSize(),
        use.getTotalConnections(),
        use.getActiveConnections(),
        use.getIdleConnections(),
        use.getThreadsAwaitingConnection());
  }

  ActiveTasks activeTasks() {
    return activeTasks;
  }

  private void execute(Runnable work) {
    try {
      executor.execute(() -> {
        try {
          work.run();
        } catch (RuntimeException | Error failure) {
          LOG.error("core: {}", failure.getMessage(), failure);
        }
      });
    } catch (RejectedExecutionException closed) {
      throw new TaskerException.Closed("the coordinator");
    }
  }

  void add(CoordinatorRuns coordinator) {
    coordinators.add(coordinator);
  }

  void remove(CoordinatorRuns coordinator) {
    coordinators.remove(coordinator);
  }

  /** How many handlers keep their slots although they should end. */
  int deafHandlers() {
    return coordinators.stream().mapToInt(coordinator -> coordinator.slots().deaf().all().size()).sum();
  }

  /** What this process can run: the handlers that it has looked for and found, and its slots. */
  private Abilities abilities() {
    Set<String> handlers = new TreeSet<>();
    coordinators.forEach(coordinator -> handlers.addAll(coordinator.resolvedHandlers()));
    int places = coordinators.stream().mapToInt(coordinator -> coordinator.slots().parallel()).min().orElse(0);
    return new Abilities(handlers, places);
  }
}
