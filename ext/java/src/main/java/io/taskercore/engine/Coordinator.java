package io.taskercore.engine;

import io.taskercore.config.OrchestrationConfig;
import io.taskercore.engine.attempt.AttemptQueue;
import io.taskercore.engine.attempt.HandlerDirectory;
import io.taskercore.engine.clock.CoreClock;
import io.taskercore.engine.clock.Deadline;
import io.taskercore.engine.create.TaskInitializer;
import io.taskercore.engine.report.TaskReports;
import io.taskercore.engine.task.TemplateRegistry;
import io.taskercore.metrics.EngineMetrics;
import io.taskercore.metrics.MetricsReport;
import io.taskercore.model.Json;
import io.taskercore.model.TaskerException;
import io.taskercore.store.Erasure;
import io.taskercore.store.LentConnections;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * A handle on the engine: one configuration, one set of handlers, and a share of what the handles of its database have in common. Its
 * methods are grouped by who they are for: {@link #tasks}, {@link #operators}, {@link #questions}, {@link #events}, {@link #workers}.
 *
 * <p>Thread-safe. After {@link #close}, every call that needs the database throws {@link TaskerException.Closed}; {@link #config},
 * {@link #metrics}, {@link Workers#handlersCame} and {@link #isClosed} still answer. Calls block for as long as PostgreSQL takes.
 */
public final class Coordinator implements AutoCloseable {

  private final CoreRuntime runtime;
  private final CoordinatorRuns runs;
  private final Subscriptions subscriptions;
  private final Tasks tasks;
  private final Operators operators;
  private final Questions questions;
  private final Events events;
  private final Workers workers;
  private final EngineMetrics metrics = new EngineMetrics(System::nanoTime, CoreRuntime.processMetrics());
  private final AtomicBoolean closed = new AtomicBoolean();
  private volatile OrchestrationConfig config;

  private Coordinator(OrchestrationConfig config, HandlerDirectory directory, AttemptQueue queue, CoreRuntime runtime) {
    this.config = config;
    this.runtime = runtime;
    LentConnections lent = new LentConnections(runtime.database());
    TaskInitializer initializer = runtime.initializer(lent, this::config);
    this.runs = new CoordinatorRuns(
        directory, queue, runtime.runServices(), initializer, metrics, this::config, this::isClosed);
    this.subscriptions = new Subscriptions(runtime.publisher());
    this.tasks = new Tasks(this::openRuntime, lent, initializer, runs, this::config);
    TaskReports reports = new TaskReports(runtime.database());
    this.operators = new Operators(this::openRuntime, runtime.operatorChanges(metrics, () -> config().cancelGraceMs()), reports);
    this.questions = new Questions(this::openRuntime, reports, directory, metrics);
    this.events = new Events(this::openRuntime, subscriptions, this::config);
    this.workers = new Workers(this::openRuntime, runs);
  }

  /**
   * Opens a handle; the first one on a database makes the pool and checks the schema.
   *
   * @param directory knows which handlers are at hand
   * @param queue where handler threads look for work
   * @throws TaskerException.Configuration if the schema is missing and {@code auto_migrate} is off
   * @throws TaskerException.Database if PostgreSQL cannot be reached
   */
  public static Coordinator open(OrchestrationConfig config, HandlerDirectory directory, AttemptQueue queue) {
    return open(config, directory, queue, CoreClock.ACTUAL);
  }

  /** The same on a clock other than real time, for tests. */
  public static Coordinator open(
      OrchestrationConfig config, HandlerDirectory directory, AttemptQueue queue, CoreClock clock) {
    CoreRuntime runtime = OpenRuntimes.acquire(config, clock);
    Coordinator coordinator = new Coordinator(config, directory, queue, runtime);
    runtime.add(coordinator.runs);
    return coordinator;
  }

  /**
   * Checks a template as registering it does, without a database.
   *
   * @return {@code namespace, name, version, step_count}
   * @throws io.taskercore.model.TaskerException.Validation with everything that is wrong
   */
  public static Json checkTemplate(Json document, String environment) {
    return TemplateRegistry.check(document, environment);
  }

  /** Creates or upgrades the schema {@code tasker}; any number of processes may do so at once. */
  public static void migrate(OrchestrationConfig config) {
    Connections.prepareSchema(config, true);
  }

  /** For applications that create and run tasks. */
  public Tasks tasks() {
    return tasks;
  }

  /** For people who make decisions about tasks. */
  public Operators operators() {
    return operators;
  }

  /** For answers about tasks, this process and the database. */
  public Questions questions() {
    return questions;
  }

  /** For listeners to events. */
  public Events events() {
    return events;
  }

  /** For workers, which work by themselves. */
  public Workers workers() {
    return workers;
  }

  /** The configuration as it is now. */
  public OrchestrationConfig config() {
    return config;
  }

  /**
   * Changes settings while they are in use. What runs goes on as it began; the next claim, time-out or request follows the new settings.
   *
   * @param changes keys and their new values; null gives a key its default again
   * @throws TaskerException.Configuration if a key cannot be changed at run time, or a value cannot be used; then nothing changes
   */
  public synchronized Json reconfigure(Json changes) {
    openRuntime();
    OrchestrationConfig changed = config.with(changes);
    config = changed;
    runs.slots().widen(changed.maxParallelSteps());
    return changed.changeable();
  }

  /**
   * Removes everything in these namespaces, tasks and templates, as if it had never existed; nothing in them may be in progress.
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

  /** What all handles that this process ever had have done, and the state of the databases that it works on now. */
  public static MetricsReport processMetrics() {
    EngineMetrics process = CoreRuntime.processMetrics();
    return MetricsReports.now(process, process, OpenRuntimes.all());
  }

  /** The same from memory, without asking a database: what only a database knows is some seconds old, or null. */
  public static MetricsReport lastProcessMetrics() {
    EngineMetrics process = CoreRuntime.processMetrics();
    return MetricsReports.lastKnown(process, process, OpenRuntimes.all());
  }

  /** Where this handle counts what it does. */
  public EngineMetrics metrics() {
    return metrics;
  }

  /**
   * Closes the handle; a second call does nothing.
   *
   * <ol>
   *   <li>Its runs end, and what they have claimed and not begun is given back.
   *   <li>Handlers that run may end within {@code shutdown_timeout_ms}, and are recorded.
   *   <li>Handlers that still run then are interrupted and their steps given back; these attempts count.
   *   <li>Its subscribers receive what is queued for them, unless that takes longer than a second; then they are forgotten.
   *   <li>The last handle on a database records the outcomes that have arrived. It has until the end of {@code shutdown_timeout_ms}, but
   *       at least some seconds. Then it closes the pool and ends the core's threads. Steps whose outcomes could not be recorded run
   *       again.
   * </ol>
   */
  @Override
  public void close() {
    if (closed.compareAndSet(false, true)) {
      Deadline deadline = Deadline.in((long) config.shutdownTimeoutMs());
      try {
        runs.end();
      } finally {
        subscriptions.end();
        runtime.remove(runs);
        OpenRuntimes.release(config, runtime.clock(), deadline);
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
