package io.taskercore.engine;

import io.taskercore.config.OrchestrationConfig;
import io.taskercore.engine.attempt.AttemptQueue;
import io.taskercore.engine.attempt.HandlerDirectory;
import io.taskercore.engine.clock.CoreClock;
import io.taskercore.engine.create.TaskInitializer;
import io.taskercore.engine.operate.OperatorChanges;
import io.taskercore.engine.report.TaskReports;
import io.taskercore.engine.run.StepRun;
import io.taskercore.engine.run.TaskRun;
import io.taskercore.engine.run.Worker;
import io.taskercore.engine.run.WorkerOptions;
import io.taskercore.event.Event;
import io.taskercore.event.EventPattern;
import io.taskercore.event.EventReader;
import io.taskercore.event.Subscription;
import io.taskercore.metrics.EngineMetrics;
import io.taskercore.metrics.MetricsReport;
import io.taskercore.model.Json;
import io.taskercore.model.TaskerException;
import io.taskercore.store.ClockOffset;
import io.taskercore.store.Erasure;
import io.taskercore.store.LentConnections;
import java.sql.Connection;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * A handle on the engine: one configuration, one set of handlers, a share of what its database's handles have in common.
 *
 * <p>Thread-safe. After {@link #close}, every call that needs the database throws {@link TaskerException.Closed}; {@link #config},
 * {@link #metrics}, {@link #handlersCame} and {@link #isClosed} still answer. Calls block for as long as PostgreSQL takes.
 */
public final class Coordinator implements AutoCloseable {

  private final HandlerDirectory directory;
  private final CoreRuntime runtime;
  private final LentConnections lent;
  private final TaskInitializer initializer;
  private final OperatorChanges changes;
  private final TaskReports reports;
  private final CoordinatorRuns runs;
  private final Subscriptions subscriptions;
  private final EngineMetrics metrics = new EngineMetrics(System::nanoTime, CoreRuntime.processMetrics());
  private final AtomicBoolean closed = new AtomicBoolean();
  private volatile OrchestrationConfig config;

  private Coordinator(OrchestrationConfig config, HandlerDirectory directory, AttemptQueue queue, CoreRuntime runtime) {
    this.config = config;
    this.directory = directory;
    this.runtime = runtime;
    this.lent = new LentConnections(runtime.database());
    this.initializer = runtime.initializer(lent, this::config);
    this.changes = runtime.operatorChanges(metrics, () -> config().cancelGraceMs());
    this.reports = new TaskReports(runtime.database());
    this.runs = new CoordinatorRuns(
        directory, queue, runtime.runServices(), initializer, metrics, this::config, this::isClosed);
    this.subscriptions = new Subscriptions(runtime.publisher());
  }

  /**
   * Opens a handle; the first one on a database makes the pool and checks the schema.
   *
   * @param directory which handlers are at hand
   * @param queue where handler threads look for work
   * @throws TaskerException.Configuration if the schema is missing and {@code auto_migrate} is off
   * @throws TaskerException.Database if PostgreSQL cannot be reached
   */
  public static Coordinator open(OrchestrationConfig config, HandlerDirectory directory, AttemptQueue queue) {
    return open(config, directory, queue, CoreClock.ACTUAL);
  }

  /** The same on another clock than real time, for tests. */
  public static Coordinator open(
      OrchestrationConfig config, HandlerDirectory directory, AttemptQueue queue, CoreClock clock) {
    CoreRuntime runtime = OpenRuntimes.acquire(config, clock);
    Coordinator coordinator = new Coordinator(config, directory, queue, runtime);
    runtime.add(coordinator.runs);
    return coordinator;
  }

  /** Creates or upgrades the schema {@code tasker}; any number of processes may do so at once. */
  public static void migrate(OrchestrationConfig config) {
    Connections.prepareSchema(config, true);
  }

  /** As it is now. */
  public OrchestrationConfig config() {
    return config;
  }

  /**
   * Changes settings while they are in use. What runs goes on as it began; the next claim, time-out or request is under the new
   * ones.
   *
   * @param changes keys and their new values; null gives a key its default again
   * @throws TaskerException.Configuration if a key cannot be changed at run time, or a value will not do; then nothing changes
   */
  public synchronized Json reconfigure(Json changes) {
    openRuntime();
    OrchestrationConfig changed = config.with(changes);
    config = changed;
    runs.slots().widen(changed.maxParallelSteps());
    return changed.changeable();
  }

  /** @throws TaskerException.Validation naming each key that is wrong, or {@code version} if it is taken by other content */
  public Json registerTemplate(Json document) {
    return openRuntime().templates().register(document, config.environment());
  }

  public Json initializeTask(Json request) {
    Json created = initializer.initialize(request, openRuntime().database());
    runtime.workCame();
    return created;
  }

  /** The same in the caller's transaction: a rollback leaves nothing. */
  public Json initializeTask(Json request, Connection connection) {
    openRuntime();
    return initializer.initialize(request, connection);
  }

  /** All of them or none. */
  public Json initializeTasks(List<Json> requests) {
    Json created = initializer.initializeAll(requests, openRuntime().database());
    runtime.workCame();
    return created;
  }

  public Json initializeTasks(List<Json> requests, Connection connection) {
    openRuntime();
    return initializer.initializeAll(requests, connection);
  }

  /** @throws TaskerException.State if a transaction is under way on the connection: what it creates cannot run yet */
  public void refuseTransaction(Connection connection) {
    openRuntime();
    lent.refuseTransaction(connection);
  }

  /**
   * Runs a task in this process. If there is no such task, {@link TaskRun#outcome} throws, not this call.
   *
   * @param timeoutMs after how long to report what is true then, in milliseconds; null: when nothing is left to do here
   */
  public TaskRun orchestrate(long taskId, Long timeoutMs) {
    return runs.orchestrate(taskId, timeoutMs);
  }

  /** Creates a task and runs it. If the request is refused, {@link TaskRun#outcome} throws, not this call. */
  public TaskRun handle(Json request, Long timeoutMs) {
    return runs.handle(request, timeoutMs);
  }

  /**
   * Prepares to run one step in this process: look for its {@link StepRun#handlerName}, then start it.
   *
   * @throws TaskerException.StepNotFound if there is none
   */
  public StepRun prepareStep(long stepId) {
    openRuntime();
    return runs.prepareStep(stepId);
  }

  /** Begins to work through everything that may run and whose handler is at hand. */
  public Worker startWorker() {
    return startWorker(WorkerOptions.NONE);
  }

  /** The same, told more than the configuration says. It works until it is stopped or this handle is closed. */
  public Worker startWorker(WorkerOptions options) {
    openRuntime();
    return runs.startWorker(options);
  }

  /** The directory has handlers that it did not have before. */
  public void handlersCame() {
    runs.signal();
  }

  /** Whether this process can do its work, and if not, why; never waits for longer than a second or two. */
  public Json health() {
    return openRuntime().health();
  }

  public Json taskContext(long taskId) {
    openRuntime();
    return reports.context(taskId);
  }

  public Json listTasks(Json filter) {
    openRuntime();
    return reports.list(filter);
  }

  public Json explain(long taskId) {
    openRuntime();
    return reports.explain(taskId, directory);
  }

  public Json cancelTask(long taskId, String reason) {
    openRuntime();
    return changes.cancel(taskId, reason);
  }

  public Json resolveTask(long taskId, String reason) {
    openRuntime();
    return changes.resolve(taskId, reason);
  }

  public Json retryStep(long stepId) {
    openRuntime();
    return changes.retryStep(stepId);
  }

  /** @param result what children read; null: {@code {}} */
  public Json resolveStep(long stepId, String reason, Json result) {
    openRuntime();
    return changes.resolveStep(stepId, reason, result);
  }

  /**
   * Passes an event of the application's on to whoever listens on this database in this JVM.
   *
   * @return the event as it was published
   * @throws TaskerException.Validation if it is not one, or has a name of the core's
   */
  public Json publishEvent(Json document) {
    openRuntime();
    Event event = EventReader.read(document, runtime.clock().instant());
    runtime.publisher().publish(event);
    return event.json();
  }

  /**
   * Queues events from now on: the core's, for what this JVM commits on the database, and the application's.
   *
   * @param pattern {@code *}, {@code task.*} or a whole name
   * @throws TaskerException.Validation if it is none of these
   */
  public Subscription subscribe(String pattern) {
    openRuntime();
    return subscriptions.add(EventPattern.of(pattern), config.eventQueueSize());
  }

  /** @return false if it is not one of this coordinator's, or not any more */
  public boolean unsubscribe(Subscription subscription) {
    openRuntime();
    return subscriptions.remove(subscription);
  }

  /** What time it is for the tasks of this handle's database. */
  public Instant now() {
    return openRuntime().database().call(new ClockOffset()::now);
  }

  /**
   * Removes everything in these namespaces, tasks and templates, as if it had never been; nothing of it may be in progress.
   *
   * @throws TaskerException.State unless this handle is a test's, on a clock of its own
   */
  public void erase(List<String> namespaces) {
    if (!openRuntime().clock().movable()) {
      throw new TaskerException.State("Only tests erase what they have made");
    }
    runtime.database().transaction(connection -> {
      new Erasure().namespaces(connection, namespaces);
      return null;
    });
  }

  /** What this handle has done, and how its database stands. */
  public Json performanceMetrics() {
    openRuntime();
    return MetricsReports.now(metrics, runtime.metrics(), List.of(runtime)).json();
  }

  /** The same of all handles that this process ever had, and of the databases that it works on now. */
  public static MetricsReport processMetrics() {
    EngineMetrics process = CoreRuntime.processMetrics();
    return MetricsReports.now(process, process, OpenRuntimes.all());
  }

  /** The same from memory, without a question to a database: what only that knows is some seconds old, or null. */
  public static MetricsReport lastProcessMetrics() {
    EngineMetrics process = CoreRuntime.processMetrics();
    return MetricsReports.lastKnown(process, process, OpenRuntimes.all());
  }

  /** Where what this handle does is counted. */
  public EngineMetrics metrics() {
    return metrics;
  }

  /**
   * Closes the handle; a second call does nothing.
   *
   * <ol>
   *   <li>Its runs end, and what they have claimed and not begun is given back.
   *   <li>Handlers that run may end within {@code shutdown_timeout_ms}, and are recorded.
   *   <li>Those that still run then are interrupted and their steps given back; the attempts count.
   *   <li>Its subscribers hear what is queued for them, unless that takes longer than a second; then they are forgotten.
   *   <li>The last handle on a database closes the pool and ends the core's threads.
   * </ol>
   */
  @Override
  public void close() {
    if (closed.compareAndSet(false, true)) {
      try {
        runs.end();
      } finally {
        subscriptions.end();
        runtime.remove(runs);
        OpenRuntimes.release(config, runtime.clock());
      }
    }
  }

  public boolean isClosed() {
    return closed.get();
  }

  /** @throws TaskerException.Closed if this handle is closed */
  private CoreRuntime openRuntime() {
    runs.requireOpen();
    return runtime;
  }

  CoreRuntime runtime() {
    return runtime;
  }
}
