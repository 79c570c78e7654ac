package io.taskercore.metrics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.taskercore.model.StepState;
import io.taskercore.model.TaskState;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class EngineMetricsTest {

  private long nanos;
  private final EngineMetrics process = new EngineMetrics(() -> nanos, null);
  private final EngineMetrics metrics = new EngineMetrics(() -> nanos, process);

  private static MetricsReport report(EngineMetrics metrics, Long activeTasks) {
    return metrics.report(metrics, new PoolUse(20, 3, 1, 2, 0), activeTasks, 0);
  }

  @Test
  void ratesAndTheErrorRateAreThoseOfTheLastMinute() {
    nanos = TimeUnit.SECONDS.toNanos(100);
    metrics.recorded(StepState.COMPLETE, 1, nanos);
    metrics.recorded(StepState.WAITING_FOR_RETRY, 1, nanos);
    metrics.recorded(StepState.ERROR, 1, nanos);
    metrics.taskEnded(TaskState.COMPLETE, 100, nanos);
    metrics.taskEnded(TaskState.ERROR, 300, nanos);
    metrics.taskEnded(TaskState.CANCELLED, 10_000, nanos);
    MetricsReport report = report(metrics, 7L);

    assertThat(report.stepsPerSecond()).isEqualTo(2 / 60.0);
    assertThat(report.tasksPerSecond()).isEqualTo(3 / 60.0);
    assertThat(report.errorRate()).isEqualTo(0.5);
    assertThat(report.averageCompletionTimeMs()).isEqualTo(200);
    assertThat(report.retries()).isEqualTo(1);
    assertThat(report.activeTasks()).isEqualTo(7);
    nanos += TimeUnit.SECONDS.toNanos(60);
    assertThat(report(metrics, 7L).errorRate()).isZero();
    assertThat(report(metrics, 7L).stepsCompleted()).isEqualTo(1);
  }

  @Test
  void everythingGoesUpToTheProcess() {
    metrics.claimed(4);
    metrics.began(1_000_000, nanos);
    metrics.ran(2_000_000, nanos);
    metrics.recorded(StepState.COMPLETE, 3_000_000, nanos);
    metrics.taskEnded(TaskState.COMPLETE, 5, nanos);
    metrics.crashed(1);
    metrics.bridgeCalled(10);
    metrics.eventsDropped(2);
    metrics.subscriberFailed();

    assertThat(report(process, 0L).json()).isEqualTo(report(metrics, 0L).json());
    assertThat(report(process, 0L).json().text()).contains("\"claims\":4", "\"crashes\":1", "\"bridge_nanoseconds\":10",
        "\"events_dropped\":2", "\"subscriber_errors\":1");
    assertThat(report(process, 0L).handlerTime().sumSeconds()).isEqualTo(0.002, within(1e-9));
  }

  @Test
  void whatIsNotKnownIsNullAndNotInThePrometheusText() {
    assertThat(report(metrics, null).json().text()).contains("\"active_tasks\":null");
    assertThat(report(metrics, null).prometheus()).doesNotContain("tasker_active_tasks");
    assertThat(report(metrics, 3L).prometheus()).contains("\n# TYPE tasker_active_tasks gauge\ntasker_active_tasks 3\n");
  }

  @Test
  void prometheusReadsSecondsAndCounters() {
    metrics.ran(TimeUnit.MILLISECONDS.toNanos(250), nanos);

    assertThat(report(metrics, 0L).prometheus()).contains(
        "# TYPE tasker_handler_seconds summary\n",
        "tasker_handler_seconds_sum 0.25\n",
        "tasker_handler_seconds_count 1\n",
        "tasker_tasks_total{state=\"cancelled\"} 0\n",
        "tasker_pool_connections{state=\"idle\"} 2\n");
  }
}
