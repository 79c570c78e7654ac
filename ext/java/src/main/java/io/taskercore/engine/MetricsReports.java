package io.taskercore.engine;

import io.taskercore.engine.report.ActiveTasks;
import io.taskercore.metrics.EngineMetrics;
import io.taskercore.metrics.MetricsReport;
import io.taskercore.metrics.PoolUse;
import java.util.Collection;
import java.util.function.Function;

/** The figures that were counted, together with the state of the pools and the databases. */
final class MetricsReports {

  private MetricsReports() {}

  /** Asks the databases, and waits for them. */
  static MetricsReport now(EngineMetrics metrics, EngineMetrics shared, Collection<CoreRuntime> runtimes) {
    return report(metrics, shared, runtimes, ActiveTasks::now);
  }

  /** From memory, at once. */
  static MetricsReport lastKnown(EngineMetrics metrics, EngineMetrics shared, Collection<CoreRuntime> runtimes) {
    return report(metrics, shared, runtimes, ActiveTasks::lastCount);
  }

  private static MetricsReport report(
      EngineMetrics metrics, EngineMetrics shared, Collection<CoreRuntime> runtimes, Function<ActiveTasks, Long> count) {
    PoolUse pool = PoolUse.NONE;
    Long activeTasks = 0L;
    int deaf = 0;
    for (CoreRuntime runtime : runtimes) {
      pool = pool.plus(runtime.poolUse());
      deaf += runtime.deafHandlers();
      Long active = count.apply(runtime.activeTasks());
      activeTasks = active == null || activeTasks == null ? null : Long.valueOf(activeTasks + active);
    }
    return metrics.report(shared, pool, activeTasks, deaf);
  }
}
