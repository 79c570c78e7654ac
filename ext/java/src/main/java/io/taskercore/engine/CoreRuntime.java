package io.taskercore.engine;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import com.zaxxer.hikari.HikariPoolMXBean;
import io.taskercore.config.DatabaseUrl;
import io.taskercore.config.OrchestrationConfig;
import io.taskercore.event.EventPublisher;
import io.taskercore.event.Losses;
import io.taskercore.event.Publication;
import io.taskercore.metrics.EngineMetrics;
import io.taskercore.metrics.PoolUse;
import io.taskercore.model.ClaimedStep;
import io.taskercore.model.ClaimedStep.Claim;
import io.taskercore.model.TaskerException;
import io.taskercore.model.Transition;
import io.taskercore.store.ClockOffset;
import io.taskercore.store.Database;
import io.taskercore.store.Migrations;
import io.taskercore.store.StepStore;
import io.taskercore.store.TaskReader;
import io.taskercore.store.TaskReader.Progress;
import io.taskercore.store.TaskReader.StepRow;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import java.util.random.RandomGenerator;
import org.postgresql.ds.PGSimpleDataSource;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What all coordinators of one database share in this JVM: the pool, the recorder, the lease under which the process holds its
 * claims. Made with the first handle, closed with the last.
 */
final class CoreRuntime {

  private static final Logger LOG = LoggerFactory.getLogger(CoreRuntime.class);

  /**
   * The statements of the engine look rows up by their keys; a plan that was made while a table was small would scan it for
   * ever after. JIT compilation costs more than any of them.
   */
  private static final String SESSION = """
      SET plan_cache_mode = force_generic_plan;
      SET enable_seqscan = off;
      SET enable_hashjoin = off;
      SET enable_mergejoin = off;
      SET jit = off""";

  private static final long GIVE_BACK_AGAIN_MS = 1_000;

  /** What has to be the same for coordinators to share a runtime. */
  private record Key(DatabaseUrl url, CoreClock clock) {}

  private static final Map<Key, CoreRuntime> OPEN = new HashMap<>();

  /** What all coordinators that this process ever had have done together. */
  private static final EngineMetrics PROCESS = new EngineMetrics(System::nanoTime, null);

  private final Key key;
  private final CoreClock clock;
  private final PGSimpleDataSource driver;
  private final HikariDataSource pool;
  private final Database database;
  private final ExecutorService executor;
  private final Timers timers;
  private final Runnable clockListener = this::timeMoved;
  private final ResultRecorder recorder;
  private final StepClaimer claimer;
  private final TemplateRegistry templates;
  private final TaskMemories memories;
  private final ProcessLease lease;
  private final TaskReader reader = new TaskReader();
  private final StepStore steps = new StepStore();
  private final FailFast failFast = new FailFast();
  private final EngineMetrics metrics = new EngineMetrics(System::nanoTime, PROCESS);
  private final TaskEvents events;
  private final Map<Claim, Attempt> inFlight = new ConcurrentHashMap<>();
  private final Map<Long, Set<TaskRun>> runs = new ConcurrentHashMap<>();
  private final Set<Coordinator> coordinators = ConcurrentHashMap.newKeySet();
  private final Set<Worker> workers = ConcurrentHashMap.newKeySet();
  private final Announcer announcer;
  private final Health health;
  private Listener listener;
  private int handles;

  private CoreRuntime(OrchestrationConfig config, Key key) {
    this.key = key;
    this.clock = key.clock();
    this.timers = new Timers(clock);
    this.driver = driver(config);
    prepareSchema(driver, config.autoMigrate());
    this.pool = pool(driver, config);
    this.database = database(pool, clock);
    this.executor = new ThreadPoolExecutor(
        0, Integer.MAX_VALUE, 10, TimeUnit.SECONDS, new SynchronousQueue<>(), Threads.named("core"));
    this.claimer = new StepClaimer(this, database);
    this.templates = new TemplateRegistry(database);
    this.announcer = new Announcer(database);
    this.memories = new TaskMemories(database, templates);
    this.events = new TaskEvents(new EventPublisher(new CountedLosses(metrics)), memories);
    this.lease = new ProcessLease(this, database, config.leaseMs());
    this.recorder = new ResultRecorder(this, database);
    this.health = new Health(
        pool, new DatabaseProbe(database, this::execute), new DatabaseProbe(new Database(driver), this::execute), lease,
        new WatchedParts());
    if (clock instanceof TestClock movable) {
      movable.add(clockListener);
    }
  }

  /** The runtime of the configuration's database and of this clock, opened if this is its first handle. */
  static CoreRuntime acquire(OrchestrationConfig config, CoreClock clock) {
    synchronized (OPEN) {
      Key key = new Key(config.databaseUrl(), clock);
      CoreRuntime runtime = OPEN.get(key);
      if (runtime == null) {
        runtime = new CoreRuntime(config, key);
        OPEN.put(key, runtime);
      }
      runtime.handles++;
      runtime.widenPool(config.databasePoolSize());
      return runtime;
    }
  }

  /** Gives a handle back; with the last one everything is closed, after what has arrived was recorded. */
  void release() {
    synchronized (OPEN) {
      if (--handles > 0) {
        return;
      }
      OPEN.remove(key);
    }
    if (clock instanceof TestClock movable) {
      movable.remove(clockListener);
    }
    recorder.close();
    announcer.close();
    executor.shutdown();
    awaitExecutor();
    lease.close();
    timers.close();
    pool.close();
  }

  private void awaitExecutor() {
    try {
      if (!executor.awaitTermination(10, TimeUnit.SECONDS)) {
        executor.shutdownNow();
      }
    } catch (InterruptedException interrupted) {
      executor.shutdownNow();
      Thread.currentThread().interrupt();
    }
  }

  private static PGSimpleDataSource driver(OrchestrationConfig config) {
    DatabaseUrl url = config.databaseUrl();
    PGSimpleDataSource driver = new PGSimpleDataSource();
    driver.setURL(url.jdbcUrl());
    driver.setUser(url.user());
    driver.setPassword(url.password());
    if (!url.properties().containsKey("tcpKeepAlive")) {
      driver.setTcpKeepAlive(true);
    }
    if (!url.properties().containsKey("ApplicationName")) {
      driver.setApplicationName("tasker_core");
    }
    return driver;
  }

  /** On a connection of its own, so that a server that cannot be reached is told at once and not after a pool's time-out. */
  private static void prepareSchema(PGSimpleDataSource driver, boolean migrate) {
    Migrations migrations = new Migrations(new Database(driver));
    if (migrate) {
      migrations.apply();
    } else {
      migrations.require();
    }
  }

  static void migrate(OrchestrationConfig config) {
    prepareSchema(driver(config), true);
  }

  private static HikariDataSource pool(PGSimpleDataSource driver, OrchestrationConfig config) {
    HikariConfig hikari = new HikariConfig();
    hikari.setDataSource(driver);
    hikari.setPoolName("tasker " + config.databaseUrl().label());
    hikari.setMaximumPoolSize(config.databasePoolSize());
    hikari.setMinimumIdle(Math.min(2, config.databasePoolSize()));
    hikari.setIdleTimeout(60_000);
    hikari.setConnectionTimeout(config.connectionTimeoutMs());
    hikari.setInitializationFailTimeout(-1);
    hikari.setConnectionInitSql(SESSION);
    return new HikariDataSource(hikari);
  }

  /** A test's clock is told to each connection anew; nothing is done for real time. */
  private static Database database(HikariDataSource pool, CoreClock clock) {
    ClockOffset offset = new ClockOffset();
    return clock.movable()
        ? new Database(pool, connection -> offset.set(connection, clock.offsetMs()))
        : new Database(pool);
  }

  private void timeMoved() {
    timers.moved();
    runs.values().forEach(some -> some.forEach(TaskRun::signal));
    wakeWorkers();
  }

  private void widenPool(int size) {
    if (size > pool.getMaximumPoolSize()) {
      pool.getHikariConfigMXBean().setMaximumPoolSize(size);
    }
  }

  /** Those that are open now. */
  static List<CoreRuntime> all() {
    synchronized (OPEN) {
      return List.copyOf(OPEN.values());
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

  TaskEvents events() {
    return events;
  }

  static EngineMetrics processMetrics() {
    return PROCESS;
  }

  /** What happens on this database and belongs to none of its coordinators. */
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

  /** How many tasks of the database have not ended; null where it cannot be asked. */
  Long activeTasks() {
    try {
      return database.call(reader::activeTasks);
    } catch (TaskerException.Database failure) {
      LOG.debug("metrics: active tasks are not known: {}", failure.getMessage());
      return null;
    }
  }

  ResultRecorder recorder() {
    return recorder;
  }

  StepClaimer claimer() {
    return claimer;
  }

  TemplateRegistry templates() {
    return templates;
  }

  TaskMemories memories() {
    return memories;
  }

  Timers timers() {
    return timers;
  }

  RandomGenerator random() {
    return ThreadLocalRandom.current();
  }

  /** The id under which this process holds claims; from the first call on, its lease is renewed. */
  long processId() {
    return lease.processId();
  }

  Health health() {
    return health;
  }

  private final class WatchedParts implements Health.Watched {

    @Override
    public int workers() {
      return workers.size();
    }

    @Override
    public Boolean listenerConnected() {
      synchronized (workers) {
        return listener == null ? null : listener.isConnected();
      }
    }
  }

  /** @throws TaskerException.StepNotFound if there is none */
  StepRow step(long stepId) {
    return database.call(connection -> reader.step(connection, stepId))
        .orElseThrow(() -> new TaskerException.StepNotFound(stepId));
  }

  Progress progress(long taskId, Collection<String> handlers) {
    return database.call(connection -> reader.progress(connection, taskId, handlers))
        .orElseThrow(() -> new TaskerException.TaskNotFound(taskId));
  }

  /** How long until the next step of the queue is due, in milliseconds; null where none waits for its time. */
  Long untilNextDueMs() {
    return database.call(steps::untilNextDueMs);
  }

  void execute(Runnable work) {
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

  void add(Coordinator coordinator) {
    coordinators.add(coordinator);
  }

  void remove(Coordinator coordinator) {
    coordinators.remove(coordinator);
  }

  /** The handlers that this process can run, as far as it has met them. */
  Set<String> handlersAtHand() {
    Set<String> names = new TreeSet<>();
    coordinators.forEach(coordinator -> names.addAll(coordinator.handlersAtHandNow()));
    return names;
  }

  void addWorker(Worker worker) {
    synchronized (workers) {
      workers.add(worker);
      if (listener == null) {
        listener = new Listener(driver, this::wakeWorkers);
      }
    }
  }

  void removeWorker(Worker worker) {
    Listener unused = null;
    synchronized (workers) {
      workers.remove(worker);
      if (workers.isEmpty()) {
        unused = listener;
        listener = null;
      }
    }
    if (unused != null) {
      unused.close();
    }
  }

  /** There are steps in the queue that nobody here was given. */
  void workCame() {
    wakeWorkers();
    announcer.workCame();
  }

  /** Workers of this process look at the queue: for what there is, and for when the next step is due. */
  void wakeWorkers() {
    workers.forEach(Worker::signal);
  }

  /** The task was changed by hand or by a sweep: its runs look at it, and there may be steps in the queue. */
  void changed(long taskId) {
    signal(taskId);
    workCame();
  }

  void addRun(TaskRun run) {
    runs.computeIfAbsent(run.taskId(), id -> ConcurrentHashMap.newKeySet()).add(run);
  }

  void removeRun(TaskRun run) {
    runs.computeIfPresent(run.taskId(), (id, some) -> some.remove(run) && some.isEmpty() ? null : some);
  }

  /** Something about the task has changed that its runs here should look at. */
  void signal(long taskId) {
    runs.getOrDefault(taskId, Set.of()).forEach(TaskRun::signal);
  }

  void remember(Attempt attempt) {
    inFlight.put(attempt.step().claim(), attempt);
    memories.use(attempt.memory());
    attempt.claimant().holds(1);
  }

  /** The attempt is recorded, lost or given back. */
  void forget(Attempt attempt) {
    if (inFlight.remove(attempt.step().claim(), attempt)) {
      memories.leave(attempt.memory());
      attempt.claimant().holds(-1);
    }
  }

  Collection<Attempt> inFlight() {
    return inFlight.values();
  }

  /** The attempt that this claim is for, if it is in flight here; else null. */
  Attempt inFlight(Claim claim) {
    return inFlight.get(claim);
  }

  /** The task has failed fast: its claims that nobody has begun go back, and are cancelled by that; running handlers are told. */
  void stopWhatHasNotBegun(long taskId) {
    List<Attempt> attempts = attemptsOf(taskId);
    attempts.forEach(Attempt::tell);
    giveBackWithheld(withhold(attempts));
  }

  List<Attempt> attemptsOf(long taskId) {
    return inFlight.values().stream().filter(attempt -> attempt.taskId() == taskId).toList();
  }

  /** Gives back what a claimant has claimed and nobody has begun. */
  void giveBackUnstarted(Claimant claimant) {
    giveBackWithheld(withhold(inFlight.values().stream().filter(attempt -> attempt.claimant() == claimant).toList()));
  }

  /** The same for some attempts. */
  void giveBackUnstarted(List<Attempt> attempts) {
    giveBackWithheld(withhold(attempts));
  }

  /** Keeps those of the attempts that nobody has begun from beginning; {@link #giveBackWithheld} must follow. */
  List<Attempt> withhold(List<Attempt> attempts) {
    List<Attempt> withheld = attempts.stream().filter(Attempt::withdraw).toList();
    withheld.forEach(attempt -> attempt.claimant().lane().drop(attempt));
    return withheld;
  }

  void giveBackWithheld(List<Attempt> withheld) {
    giveBack(withheld.stream().map(Attempt::step).toList());
    withheld.forEach(this::forget);
  }

  /** Interrupts handlers and gives their steps back. */
  void breakOff(Predicate<Attempt> which) {
    List<Attempt> held = inFlight.values().stream().filter(which).toList();
    giveBackWithheld(withhold(held));
    List<Attempt> brokenOff = held.stream().filter(Attempt::lose).toList();
    giveBackStarted(brokenOff.stream().map(Attempt::step).toList());
  }

  /** Outcomes that could not be recorded for a reason of our own: their steps run again. */
  void abandon(List<Completion> completions) {
    completions.forEach(completion -> giveBackWithheld(completion.withheld()));
    giveBackStarted(completions.stream().map(completion -> completion.attempt().step()).toList());
    completions.forEach(completion -> forget(completion.attempt()));
  }

  /** Gives claims back whose attempts never began; they do not count. */
  void giveBack(List<ClaimedStep> claims) {
    giveBack(claims, false);
  }

  /** Gives claims back whose attempts were broken off; they count. */
  private void giveBackStarted(List<ClaimedStep> claims) {
    giveBack(claims, true);
  }

  /** Where PostgreSQL does not take them now, again later. */
  private void giveBack(List<ClaimedStep> claims, boolean started) {
    if (claims.isEmpty()) {
      return;
    }
    execute(() -> {
      try (Publication publication = events.begin()) {
        events.changed(publication, database.transaction(connection -> returnClaims(connection, claims, started)));
        claims.stream().map(ClaimedStep::taskId).distinct().forEach(this::changed);
      } catch (TaskerException.Database failure) {
        LOG.warn("core: {} claims are given back in {} ms: {}", claims.size(), GIVE_BACK_AGAIN_MS, failure.getMessage());
        timers.in(GIVE_BACK_AGAIN_MS, () -> giveBack(claims, started));
      }
    });
  }

  /** What goes back to a task that has failed fast is cancelled with the rest of it. */
  private List<Transition> returnClaims(Connection connection, List<ClaimedStep> claims, boolean started)
      throws SQLException {
    List<Transition> log = new ArrayList<>(steps.giveBack(connection, claims, started));
    log.addAll(failFast.apply(connection, claims.stream().map(ClaimedStep::taskId).distinct().toList()).log());
    return log;
  }

  /** PostgreSQL may have committed claims whose confirmation was lost: they are to be found and given back. */
  void suspectClaims() {
    lease.suspectClaims();
  }
}
