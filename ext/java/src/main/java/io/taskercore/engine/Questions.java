package io.taskercore.engine;

import io.taskercore.engine.attempt.HandlerDirectory;
import io.taskercore.engine.report.TaskReports;
import io.taskercore.metrics.EngineMetrics;
import io.taskercore.model.Json;
import io.taskercore.store.ClockOffset;
import java.time.Instant;
import java.util.List;
import java.util.function.Supplier;

/** Answers questions about tasks, this process and the database. */
public final class Questions {

  private final Supplier<CoreRuntime> open;
  private final TaskReports reports;
  private final HandlerDirectory directory;
  private final EngineMetrics metrics;

  /** @param open throws if the coordinator is closed */
  Questions(Supplier<CoreRuntime> open, TaskReports reports, HandlerDirectory directory, EngineMetrics metrics) {
    this.open = open;
    this.reports = reports;
    this.directory = directory;
    this.metrics = metrics;
  }

  public Json taskContext(long taskId) {
    open.get();
    return reports.context(taskId);
  }

  /** @throws TaskerException.StepNotFound naming the steps that there are */
  public long stepId(long taskId, String name) {
    open.get();
    return reports.stepId(taskId, name);
  }

  public Json listTasks(Json filter) {
    open.get();
    return reports.list(filter);
  }

  public Json explain(long taskId) {
    open.get();
    return reports.explain(taskId, directory);
  }

  /** Whether this process can do its work, and if not, why. Never waits for longer than a second or two. */
  public Json health() {
    return open.get().health();
  }

  /** What this coordinator has done, and the state of its database. */
  public Json performanceMetrics() {
    CoreRuntime runtime = open.get();
    return MetricsReports.now(metrics, runtime.metrics(), List.of(runtime)).json();
  }

  /** What time it is for the tasks of the database. */
  public Instant now() {
    return open.get().database().call(new ClockOffset()::now);
  }
}
