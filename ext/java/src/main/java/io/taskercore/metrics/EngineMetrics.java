package io.taskercore.metrics;

import io.taskercore.metrics.SlidingSum.Totals;
import io.taskercore.model.StepState;
import io.taskercore.model.TaskState;
import java.util.Arrays;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.LongSupplier;

/**
 * What one coordinator has done, or the process as a whole. Counting costs well under a microsecond for a step, and waits for nothing.
 * Each figure is also added to the process's figures, which go on when a coordinator is closed.
 *
 * <p>{@code now} is the clock's time at which it happened: the caller has looked at the clock anyway.
 */
public final class EngineMetrics {

  private final EngineMetrics whole;
  private final LongAdder claims = new LongAdder();
  private final LongAdder retries = new LongAdder();
  private final LongAdder crashes = new LongAdder();
  private final LongAdder healed = new LongAdder();
  private final LongAdder stepsCompleted = new LongAdder();
  private final LongAdder stepsFailed = new LongAdder();
  private final LongAdder[] tasks = new LongAdder[TaskState.values().length];
  private final LongAdder bridgeCalls = new LongAdder();
  private final LongAdder bridgeNanos = new LongAdder();
  private final LongAdder eventsDropped = new LongAdder();
  private final LongAdder subscriberErrors = new LongAdder();
  private final Durations queueWait;
  private final Durations handlerTime;
  private final Durations overhead;
  private final SlidingSum recentSteps;
  private final SlidingSum recentTasks;

  /** How many milliseconds tasks took that ended by themselves; and a 1 for each of those that failed. */
  private final SlidingSum completionTimes;

  private final SlidingSum failures;

  /**
   * @param nanos a clock
   * @param whole what this is a part of; may be null
   */
  public EngineMetrics(LongSupplier nanos, EngineMetrics whole) {
    this.whole = whole;
    this.queueWait = new Durations(nanos);
    this.handlerTime = new Durations(nanos);
    this.overhead = new Durations(nanos);
    this.recentSteps = new SlidingSum(nanos);
    this.recentTasks = new SlidingSum(nanos);
    this.completionTimes = new SlidingSum(nanos);
    this.failures = new SlidingSum(nanos);
    Arrays.setAll(tasks, state -> new LongAdder());
  }

  /** This many steps were claimed, or handed over with their parents' results. */
  public void claimed(int steps) {
    claims.add(steps);
    if (whole != null) {
      whole.claimed(steps);
    }
  }

  /** A handler begins, this long after its step could have run. */
  public void began(long waitedNanos, long now) {
    queueWait.add(waitedNanos, now);
    if (whole != null) {
      whole.began(waitedNanos, now);
    }
  }

  /** An attempt has ended, this long after it began. */
  public void ran(long nanos, long now) {
    handlerTime.add(nanos, now);
    if (whole != null) {
      whole.ran(nanos, now);
    }
  }

  /** An outcome was accepted, this long after its attempt had ended. */
  public void recorded(StepState to, long overheadNanos, long now) {
    overhead.add(overheadNanos, now);
    if (to == StepState.WAITING_FOR_RETRY) {
      retries.increment();
    } else {
      (to == StepState.COMPLETE ? stepsCompleted : stepsFailed).increment();
      recentSteps.add(1, now);
    }
    if (whole != null) {
      whole.recorded(to, overheadNanos, now);
    }
  }

  /** A task has ended, this long after it could have begun. */
  public void taskEnded(TaskState state, double afterMs, long now) {
    tasks[state.ordinal()].increment();
    recentTasks.add(1, now);
    if (state == TaskState.COMPLETE || state == TaskState.ERROR) {
      completionTimes.add(Math.max(0, afterMs), now);
      failures.add(state == TaskState.ERROR ? 1 : 0, now);
    }
    if (whole != null) {
      whole.taskEnded(state, afterMs, now);
    }
  }

  /** This many steps were found to be held by processes that are gone. */
  public void crashed(int steps) {
    crashes.add(steps);
    if (whole != null) {
      whole.crashed(steps);
    }
  }

  /** A task disagreed with a recount of its steps and was put right. */
  public void healed() {
    healed.increment();
    if (whole != null) {
      whole.healed();
    }
  }

  /** A call came over from Ruby, and took this long without the waiting for the core. */
  public void bridgeCalled(long nanos) {
    bridgeCalls.increment();
    bridgeNanos.add(nanos);
    if (whole != null) {
      whole.bridgeCalled(nanos);
    }
  }

  public void eventsDropped(int events) {
    eventsDropped.add(events);
    if (whole != null) {
      whole.eventsDropped(events);
    }
  }

  public void subscriberFailed() {
    subscriberErrors.increment();
    if (whole != null) {
      whole.subscriberFailed();
    }
  }

  /**
   * All figures as they are now.
   *
   * @param shared counts what belongs to no coordinator: crashes of other processes, tasks put right, and lost events
   * @param activeTasks of the databases concerned; null if those of one are not known
   * @param deafHandlers how many handlers ignore their interrupt
   */
  public MetricsReport report(EngineMetrics shared, PoolUse pool, Long activeTasks, int deafHandlers) {
    Totals steps = recentSteps.totals();
    Totals ended = recentTasks.totals();
    return new MetricsReport(
        ended.perSecond(),
        steps.perSecond(),
        completionTimes.totals().average(),
        failures.totals().average(),
        activeTasks,
        queueWait.percentiles(),
        handlerTime.percentiles(),
        overhead.percentiles(),
        pool,
        deafHandlers,
        claims.sum(),
        retries.sum(),
        shared.crashes.sum(),
        shared.healed.sum(),
        stepsCompleted.sum(),
        stepsFailed.sum(),
        Arrays.stream(TaskState.values())
            .filter(TaskState::ended)
            .map(state -> new MetricsReport.Ended(state.value(), tasks[state.ordinal()].sum()))
            .toList(),
        bridgeCalls.sum(),
        bridgeNanos.sum(),
        shared.eventsDropped.sum(),
        shared.subscriberErrors.sum());
  }
}
