package io.taskercore.engine;

import io.taskercore.metrics.EngineMetrics;
import io.taskercore.metrics.MetricsReport;
import io.taskercore.metrics.PoolUse;
import java.util.Collection;

/** What was counted, together with what the pools and the databases say now. */
final class MetricsReports {

  private MetricsReports() {}

  static MetricsReport of(EngineMetrics metrics, EngineMetrics shared, Collection<CoreRuntime> runtimes) {
    PoolUse pool = PoolUse.NONE;
    Long activeTasks = 0L;
    for (CoreRuntime runtime : runtimes) {
      pool = pool.plus(runtime.poolUse());
      Long active = runtime.activeTasks();
      activeTasks = active == null || activeTasks == null ? null : Long.valueOf(activeTasks + active);
    }
    return metrics.report(shared, pool, activeTasks);
  }
}
