package io.taskercore.engine;

import io.taskercore.config.OrchestrationConfig;
import io.taskercore.engine.create.TaskInitializer;
import io.taskercore.engine.run.StepRun;
import io.taskercore.engine.run.TaskRun;
import io.taskercore.model.Json;
import io.taskercore.model.JsonWriter;
import io.taskercore.model.TaskerException;
import io.taskercore.store.LentConnections;
import java.sql.Connection;
import java.util.List;
import java.util.function.Supplier;

/** What an application does with tasks: it registers their templates, creates them, and runs them here. */
public final class Tasks {

  private final Supplier<CoreRuntime> open;
  private final LentConnections lent;
  private final TaskInitializer initializer;
  private final CoordinatorRuns runs;
  private final Supplier<OrchestrationConfig> config;

  /** @param open throws if the coordinator is closed */
  Tasks(
      Supplier<CoreRuntime> open,
      LentConnections lent,
      TaskInitializer initializer,
      CoordinatorRuns runs,
      Supplier<OrchestrationConfig> config) {
    this.open = open;
    this.lent = lent;
    this.initializer = initializer;
    this.runs = runs;
    this.config = config;
  }

  /** @throws TaskerException.Validation naming each key that is wrong, or {@code version} if it is taken by other content */
  public Json registerTemplate(Json document) {
    return open.get().templates().register(document, config.get().environment());
  }

  public Json initializeTask(Json request) {
    CoreRuntime runtime = open.get();
    Json created = initializer.initialize(request, runtime.database());
    runtime.workCame();
    return created;
  }

  /** The same in the caller's transaction: a rollback leaves nothing. */
  public Json initializeTask(Json request, Connection connection) {
    open.get();
    return initializer.initialize(request, connection);
  }

  /** All of them or none. */
  public Json initializeTasks(List<Json> requests) {
    CoreRuntime runtime = open.get();
    Json created = initializer.initializeAll(requests, runtime.database());
    runtime.workCame();
    return created;
  }

  public Json initializeTasks(List<Json> requests, Connection connection) {
    open.get();
    return initializer.initializeAll(requests, connection);
  }

  /** @throws TaskerException.State if a transaction is under way on the connection: a task created in it cannot run yet */
  public void refuseTransaction(Connection connection) {
    open.get();
    lent.refuseTransaction(connection);
  }

  /** Which of these tasks exist for a connection that a caller lends: also those that its transaction has created and not committed. */
  public Json seenBy(Connection connection, List<Long> taskIds) {
    open.get();
    return JsonWriter.integers(lent.seenBy(connection, taskIds));
  }

  /**
   * Runs a task in this process. If there is no such task, {@link TaskRun#outcome} throws, not this call.
   *
   * @param timeoutMs after how long to return with the state of that moment, in milliseconds; null: when nothing is left to do here
   */
  public TaskRun orchestrate(long taskId, Long timeoutMs) {
    return runs.orchestrate(taskId, timeoutMs);
  }

  /** Creates a task and runs it. If the request is refused, {@link TaskRun#outcome} throws, not this call. */
  public TaskRun handle(Json request, Long timeoutMs) {
    return runs.handle(request, timeoutMs);
  }

  /**
   * Prepares to run one step in this process. The caller then looks for its {@link StepRun#handlerName} and starts it.
   *
   * @throws TaskerException.StepNotFound if there is no such step
   */
  public StepRun prepareStep(long stepId) {
    open.get();
    return runs.prepareStep(stepId);
  }
}
