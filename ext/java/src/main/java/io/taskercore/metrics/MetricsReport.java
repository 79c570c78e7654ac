package io.taskercore.metrics;

import io.taskercore.model.Json;
import io.taskercore.model.JsonWriter;
import java.util.List;

/**
 * All figures at one time; docs/metrics.md says what each means.
 *
 * @param activeTasks null if they are not known
 */
public record MetricsReport(
    double tasksPerSecond,
    double stepsPerSecond,
    double averageCompletionTimeMs,
    double errorRate,
    Long activeTasks,
    Percentiles queueWait,
    Percentiles handlerTime,
    Percentiles overhead,
    PoolUse pool,
    int deafHandlers,
    long claims,
    long retries,
    long crashes,
    long healed,
    long stepsCompleted,
    long stepsFailed,
    List<Ended> tasksEnded,
    long bridgeCalls,
    long bridgeNanos,
    long eventsDropped,
    long subscriberErrors) {

  /** How many tasks have come to this end. */
  record Ended(String state, long tasks) {}

  /** As {@code performance_metrics} returns it. */
  public Json json() {
    return JsonWriter.object(out -> out
        .put("tasks_per_second", tasksPerSecond)
        .put("steps_per_second", stepsPerSecond)
        .put("average_completion_time_ms", averageCompletionTimeMs)
        .put("error_rate", errorRate)
        .put("active_tasks", activeTasks)
        .put("queue_wait_ms", percentiles(queueWait))
        .put("handler_time_ms", percentiles(handlerTime))
        .put("overhead_ms", percentiles(overhead))
        .put("pool", JsonWriter.object(pool -> pool
            .put("max", pool().max())
            .put("total", pool().total())
            .put("active", pool().active())
            .put("idle", pool().idle())
            .put("waiting", pool().waiting())))
        .put("deaf_handlers", deafHandlers)
        .put("claims", claims)
        .put("retries", retries)
        .put("crashes", crashes)
        .put("healed", healed)
        .put("steps_completed", stepsCompleted)
        .put("steps_failed", stepsFailed)
        .put("tasks", JsonWriter.object(tasks -> tasksEnded.forEach(ended -> tasks.put(ended.state(), ended.tasks()))))
        .put("bridge_calls", bridgeCalls)
        .put("bridge_nanoseconds", bridgeNanos)
        .put("events_dropped", eventsDropped)
        .put("subscriber_errors", subscriberErrors));
  }

  private static Json percentiles(Percentiles durations) {
    return JsonWriter.object(out -> out
        .put("p50", durations.p50())
        .put("p95", durations.p95())
        .put("p99", durations.p99()));
  }

  /** In the text format of Prometheus, version 0.0.4. */
  public String prometheus() {
    PrometheusText text = new PrometheusText();
    text.gauge("tasker_tasks_per_second", "Tasks that ended, in the last minute", tasksPerSecond);
    text.gauge("tasker_steps_per_second", "Steps that ended, in the last minute", stepsPerSecond);
    text.gauge("tasker_task_completion_seconds", "What tasks took on average, in the last minute", averageCompletionTimeMs / 1_000);
    text.gauge("tasker_error_rate", "Share of the tasks of the last minute that failed", errorRate);
    if (activeTasks != null) {
      text.gauge("tasker_active_tasks", "Tasks in the database that have not ended", activeTasks);
    }
    text.summary("tasker_queue_wait_seconds", "From when a step could run to its handler's begin", queueWait);
    text.summary("tasker_handler_seconds", "What handlers took", handlerTime);
    text.summary("tasker_overhead_seconds", "From a handler's end until its outcome was recorded", overhead);
    text.gauge("tasker_deaf_handlers", "Handlers that heed no interrupt, and keep their places", deafHandlers);
    text.counter("tasker_claims_total", "Steps claimed", claims);
    text.counter("tasker_retries_total", "Attempts that failed and are made again", retries);
    text.counter("tasker_crashes_total", "Steps found to be held by dead processes", crashes);
    text.counter("tasker_healed_tasks_total", "Tasks that disagreed with a recount of their steps and were put right", healed);
    text.family("tasker_steps_total", "Steps that ended by themselves", "counter")
        .sample("{state=\"complete\"}", stepsCompleted)
        .sample("{state=\"error\"}", stepsFailed);
    text.family("tasker_tasks_total", "Tasks that ended", "counter");
    tasksEnded.forEach(ended -> text.sample("{state=\"" + ended.state() + "\"}", ended.tasks()));
    text.family("tasker_pool_connections", "Connections to PostgreSQL", "gauge")
        .sample("{state=\"active\"}", pool.active())
        .sample("{state=\"idle\"}", pool.idle());
    text.gauge("tasker_pool_max_connections", "How many connections there may be", pool.max());
    text.gauge("tasker_pool_waiting", "Callers that wait for a connection", pool.waiting());
    text.counter("tasker_bridge_calls_total", "Calls from Ruby", bridgeCalls);
    text.counter("tasker_bridge_seconds_total", "What they took beside waiting for the core", bridgeNanos / 1e9);
    text.counter("tasker_events_dropped_total", "Events that found a queue full", eventsDropped);
    text.counter("tasker_subscriber_errors_total", "Events that a subscriber failed on", subscriberErrors);
    return text.toString();
  }
}
