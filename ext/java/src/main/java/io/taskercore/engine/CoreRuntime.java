package io.taskercore.engine;

import com.zaxxer.hikari.HikariDataSource;
import com.zaxxer.hikari.HikariPoolMXBean;
import io.taskercore.config.OrchestrationConfig;
import io.taskercore.event.EventPublisher;
import io.taskercore.event.Losses;
import io.taskercore.metrics.EngineMetrics;
import io.taskercore.metrics.PoolUse;
import io.taskercore.model.TaskerException;
import io.taskercore.store.ClockOffset;
import io.taskercore.store.Database;
import io.taskercore.store.StepClaims;
import io.taskercore.store.StepClaims.Outlook;
import io.taskercore.store.TaskReader;
import io.taskercore.store.TaskReader.Progress;
import io.taskercore.store.TaskReader.StepRow;
import java.util.Collection;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.random.RandomGenerator;
import org.postgresql.ds.PGSimpleDataSource;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What all coordinators of one database share in this JVM: the pool, the recorder, the lease under which the process holds its
 * claims. {@link OpenRuntimes} makes it with the first handle and closes it with the last.
 */
final class CoreRuntime implements AutoCloseable {

  private static final Logger LOG = LoggerFactory.getLogger(CoreRuntime.class);

  /** What all coordinators that this process ever had have done together. */
  private static final EngineMetrics PROCESS = new EngineMetrics(System::nanoTime, null);

  private final HikariDataSource pool;
  private final Database database;
  private final ExecutorService executor;
  private final CoreClock clock;
  private final Timers timers;
  private final Runnable clockListener = this::timeMoved;
  private final ResultRecorders recorders;
  private final StepClaimer claimer;
  private final TemplateRegistry templates;
  private final TaskMemories memories;
  private final HeldClaims held;
  private final Signals signals;
  private final Strays strays;
  private final ProcessLease lease;
  private final TaskReader reader = new TaskReader();
  private final StepClaims claims = new StepClaims();
  private final EngineMetrics metrics = new EngineMetrics(System::nanoTime, PROCESS);
  private final TaskEvents events;
  private final Set<Coordinator> coordinators = ConcurrentHashMap.newKeySet();
  private final AfterCommit afterCommit;
  private final Health health;

  CoreRuntime(OrchestrationConfig config, CoreClock clock) {
    this.clock = clock;
    this.timers = new Timers(clock);
    PGSimpleDataSource driver = Connections.driver(config);
    Connections.prepareSchema(driver, config.autoMigrate());
    this.pool = Connections.pool(config);
    this.database = database(pool, clock);
    this.executor = new ThreadPoolExecutor(
        0, Integer.MAX_VALUE, 10, TimeUnit.SECONDS, new SynchronousQueue<>(), Threads.named("core"));
    this.claimer = new StepClaimer(this, database);
    this.templates = new TemplateRegistry(database);
    this.memories = new TaskMemories(database, templates);
    this.events = new TaskEvents(new EventPublisher(new CountedLosses(metrics)), memories);
    this.held = new HeldClaims(this, database);
    this.signals = new Signals(database, driver, config.connectionMode(), timers);
    this.afterCommit = new AfterCommit(events, held, signals);
    this.strays = new Strays(this, database);
    this.lease = new ProcessLease(
        this, database, Connections.kept(config), strays, config.leaseMs(), config.sweepIntervalMs());
    this.recorders = new ResultRecorders(this, database, config.databasePoolSize());
    this.health = new Health(
        pool, new DatabaseProbe(database, this::execute), new DatabaseProbe(new Database(driver), this::execute), lease,
        config.connectionMode(), signals);
    if (clock instanceof TestClock movable) {
      movable.add(clockListener);
    }
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
    signals.timeMoved();
  }

  /** After what has arrived was recorded. */
  @Override
  public void close() {
    if (clock instanceof TestClock movable) {
      movable.remove(clockListener);
    }
    recorders.close();
    signals.close();
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

  /** The largest size that a handle asked for wins. */
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

  ResultRecorder recorderOf(long taskId) {
    return recorders.of(taskId);
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

  AfterCommit afterCommit() {
    return afterCommit;
  }

  HeldClaims held() {
    return held;
  }

  Signals signals() {
    return signals;
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

  /** What there is to expect of the queue for one of the handlers. */
  Outlook outlook(Collection<String> handlers) {
    return database.call(connection -> claims.outlook(connection, handlers));
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

  Strays strays() {
    return strays;
  }
}
