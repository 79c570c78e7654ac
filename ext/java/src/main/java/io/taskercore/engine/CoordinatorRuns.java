package io.taskercore.engine;

import io.taskercore.config.OrchestrationConfig;
import io.taskercore.engine.attempt.Attempt;
import io.taskercore.engine.attempt.AttemptQueue;
import io.taskercore.engine.attempt.ClaimOwner;
import io.taskercore.engine.attempt.HandlerDirectory;
import io.taskercore.engine.attempt.SlotPool;
import io.taskercore.engine.clock.Deadline;
import io.taskercore.engine.create.TaskInitializer;
import io.taskercore.engine.report.Health.Complaint;
import io.taskercore.engine.run.RunHost;
import io.taskercore.engine.run.RunServices;
import io.taskercore.engine.run.StepRun;
import io.taskercore.engine.run.TaskRun;
import io.taskercore.engine.run.Worker;
import io.taskercore.engine.run.WorkerOptions;
import io.taskercore.engine.threads.InFlight;
import io.taskercore.metrics.EngineMetrics;
import io.taskercore.model.Format;
import io.taskercore.model.Json;
import io.taskercore.model.TaskerException;
import io.taskercore.store.TaskReader;
import io.taskercore.store.TaskReader.StepRow;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/** The runs and workers of a coordinator, and what it lends them. */
final class CoordinatorRuns implements RunHost {

  private final HandlerDirectory directory;
  private final AttemptQueue queue;
  private final RunServices services;
  private final TaskInitializer initializer;
  private final EngineMetrics metrics;
  private final Supplier<OrchestrationConfig> config;
  private final BooleanSupplier isClosed;
  private final SlotPool slots;
  private final TaskReader reader = new TaskReader();
  private final Set<String> resolvedHandlers = ConcurrentHashMap.newKeySet();
  private final Set<TaskRun> taskRuns = ConcurrentHashMap.newKeySet();
  private final Set<StepRun> stepRuns = ConcurrentHashMap.newKeySet();
  private final Set<Worker> workers = ConcurrentHashMap.newKeySet();
  private final InFlight inFlight = new InFlight();

  /**
   * @param config gives the configuration of the moment
   * @param isClosed whether the coordinator is closed
   */
  CoordinatorRuns(
      HandlerDirectory directory,
      AttemptQueue queue,
      RunServices services,
      TaskInitializer initializer,
      EngineMetrics metrics,
      Supplier<OrchestrationConfig> config,
      BooleanSupplier isClosed) {
    this.directory = directory;
    this.queue = queue;
    this.services = services;
    this.initializer = initializer;
    this.metrics = metrics;
    this.config = config;
    this.isClosed = isClosed;
    this.slots = new SlotPool(queue, config.get().maxParallelSteps(), System::nanoTime, this::signal);
  }

  TaskRun orchestrate(long taskId, Long timeoutMs) {
    return started(TaskRun.of(this, services, taskId, timeoutMs));
  }

  TaskRun handle(Json request, Long timeoutMs) {
    return started(TaskRun.ofNew(this, services, request, timeoutMs));
  }

  private TaskRun started(TaskRun run) {
    taskRuns.add(run);
    run.start();
    return run;
  }

  StepRun prepareStep(long stepId) {
    StepRow step = services.database().call(connection -> reader.step(connection, stepId))
        .orElseThrow(() -> new TaskerException.StepNotFound(stepId));
    StepRun run = new StepRun(this, services, step);
    stepRuns.add(run);
    return run;
  }

  Worker startWorker(WorkerOptions options) {
    Worker worker = new Worker(this, services, options);
    workers.add(worker);
    worker.start();
    if (isClosed.getAsBoolean()) {
      // Closed at this very moment, and perhaps too late for close to see the worker.
      worker.stop(0);
      requireOpen();
    }
    return worker;
  }

  boolean areWorkersStopping() {
    return isClosed.getAsBoolean() || !workers.isEmpty() && workers.stream().allMatch(Worker::isQuiet);
  }

  /** Makes everybody who claims look again, because slots came free or handlers came. */
  void signal() {
    taskRuns.forEach(TaskRun::signal);
    workers.forEach(Worker::signal);
  }

  /** Ends all of them. Attempts in flight may end by themselves until the configured time is over. */
  void end() {
    taskRuns.forEach(TaskRun::close);
    stepRuns.forEach(StepRun::close);
    // All of them first: they end at the same time, not one after the other.
    Deadline deadline = Deadline.in((long) config().shutdownTimeoutMs());
    workers.forEach(Worker::quiet);
    workers.forEach(worker -> worker.stop(deadline.leftMs()));
    if (!inFlight.awaitNone(deadline.leftMs())) {
      services.inFlight().breakOff(attempt -> attempt.owner().slots() == slots);
      // Workers have already reported theirs.
      slots.deaf().tellOfStopping(attempt -> !(attempt.owner() instanceof Worker));
    }
  }

  /** Says what is wrong with handlers that ignore their interrupt; null if there are none. */
  Complaint deafness() {
    List<Attempt> deaf = slots.deaf().all();
    if (deaf.isEmpty()) {
      return null;
    }
    boolean all = deaf.size() >= slots.parallel();
    return new Complaint(all, Format.text(
        "%d of %d places for handlers are taken by some that heed no interrupt%s; the first is %s",
        deaf.size(), slots.parallel(), all ? ", so that nothing begins any more: it takes a new process" : "", deaf.get(0).told()));
  }

  @Override
  public OrchestrationConfig config() {
    return config.get();
  }

  @Override
  public HandlerDirectory directory() {
    return directory;
  }

  @Override
  public AttemptQueue queue() {
    return queue;
  }

  @Override
  public SlotPool slots() {
    return slots;
  }

  @Override
  public EngineMetrics metrics() {
    return metrics;
  }

  @Override
  public TaskInitializer initializer() {
    return initializer;
  }

  @Override
  public void requireOpen() {
    if (isClosed.getAsBoolean()) {
      throw new TaskerException.Closed("The coordinator");
    }
  }

  @Override
  public void resolved(Collection<String> handlers) {
    resolvedHandlers.addAll(handlers);
  }

  @Override
  public List<String> atHand(List<String> handlers) {
    List<String> atHand = handlers.stream().filter(directory::has).toList();
    resolvedHandlers.addAll(atHand);
    return atHand;
  }

  @Override
  public List<String> resolvedHandlers() {
    return resolvedHandlers.stream().filter(directory::has).toList();
  }

  @Override
  public void inFlightChanged(int delta) {
    inFlight.add(delta);
  }

  @Override
  public void ended(ClaimOwner owner) {
    taskRuns.remove(owner);
    stepRuns.remove(owner);
    workers.remove(owner);
  }
}
