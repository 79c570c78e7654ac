package io.taskercore.engine.operate;

import io.taskercore.engine.attempt.Attempt;
import io.taskercore.engine.attempt.InFlightAttempts;
import io.taskercore.engine.clock.Timers;
import io.taskercore.engine.notify.TaskEvents;
import io.taskercore.engine.record.AfterCommit;
import io.taskercore.engine.record.AfterCommit.Plain;
import io.taskercore.event.Publication;
import io.taskercore.metrics.EngineMetrics;
import io.taskercore.model.ClaimedStep;
import io.taskercore.model.Format;
import io.taskercore.model.Json;
import io.taskercore.model.JsonWriter;
import io.taskercore.model.StepState;
import io.taskercore.model.TaskState;
import io.taskercore.model.TaskerException;
import io.taskercore.store.Changes;
import io.taskercore.store.Database;
import io.taskercore.store.StepStore;
import io.taskercore.store.StepStore.LockedStep;
import io.taskercore.store.TaskStore;
import io.taskercore.store.TaskStore.LockedTask;
import io.taskercore.store.Transitions;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.LongSupplier;

/** What people do to tasks and steps by hand: cancel, retry, resolve. Each is one transaction under the task's lock. */
public final class OperatorChanges {

  private static final Set<TaskState> CANCELLABLE = Set.of(TaskState.PENDING, TaskState.IN_PROGRESS, TaskState.ERROR);

  private static final Set<StepState> RETRYABLE = Set.of(StepState.ERROR, StepState.WAITING_FOR_RETRY);

  private static final Set<StepState> RESOLVABLE =
      Set.of(StepState.PENDING, StepState.ENQUEUED, StepState.WAITING_FOR_RETRY, StepState.ERROR);

  private final Database database;
  private final TaskEvents events;
  private final AfterCommit afterCommit;
  private final InFlightAttempts inFlight;
  private final Timers timers;
  private final EngineMetrics metrics;
  private final LongSupplier cancelGraceMs;
  private final TaskStore tasks = new TaskStore();
  private final StepStore steps = new StepStore();
  private final Transitions transitions = new Transitions();

  /** @param cancelGraceMs gives the setting of the moment */
  public OperatorChanges(
      Database database,
      TaskEvents events,
      AfterCommit afterCommit,
      InFlightAttempts inFlight,
      Timers timers,
      EngineMetrics metrics,
      LongSupplier cancelGraceMs) {
    this.database = database;
    this.events = events;
    this.afterCommit = afterCommit;
    this.inFlight = inFlight;
    this.timers = timers;
    this.metrics = metrics;
    this.cancelGraceMs = cancelGraceMs;
  }

  public Json cancel(long taskId, String reason) {
    return end(taskId, TaskState.CANCELLED, reason, "cancelled");
  }

  public Json resolve(long taskId, String reason) {
    return end(taskId, TaskState.RESOLVED_MANUALLY, reason, "resolved");
  }

  private Json end(long taskId, TaskState to, String reason, String verb) {
    change(connection -> {
      LockedTask task = locked(connection, taskId);
      if (!CANCELLABLE.contains(task.state())) {
        throw new TaskerException.State(Format.text("Task %d is %s and cannot be %s", taskId, task.state().value(), verb));
      }
      return transitions.endTask(connection, taskId, to, reason);
    });
    stopAttempts(taskId);
    return answer(taskId, null, to.value());
  }

  /** Handlers are told first, so that they can end by themselves, and interrupted later. Other processes find out when they renew. */
  private void stopAttempts(long taskId) {
    List<Attempt> running = inFlight.ofTask(taskId);
    running.forEach(Attempt::markCancelled);
    inFlight.preempt(running).forEach(inFlight::remove);
    if (!running.isEmpty()) {
      timers.in(cancelGraceMs.getAsLong(), () -> running.forEach(Attempt::revoke));
    }
  }

  public Json retryStep(long stepId) {
    change(connection -> {
      LockedTask task = lockedTaskOf(connection, stepId);
      LockedStep step = lockedStep(connection, stepId);
      if (!RETRYABLE.contains(step.state()) || endedForGood(task)) {
        throw refused(step, task, "retried", "only a step in error or waiting_for_retry can be");
      }
      return transitions.retryStep(connection, stepId);
    });
    return answer(ClaimedStep.taskIdOf(stepId), stepId, StepState.ENQUEUED.value());
  }

  /**
   * Retries all failed steps of a task, in one transaction.
   *
   * @return which
   */
  public List<Long> retryTask(long taskId) {
    List<Long> retried = new ArrayList<>();
    change(connection -> {
      retried.clear();
      LockedTask task = locked(connection, taskId);
      List<Long> failed = steps.failed(connection, taskId);
      if (failed.isEmpty() || endedForGood(task)) {
        throw new TaskerException.State(Format.text(
            "Task %d is %s and cannot be retried: only a task with steps in error can be", taskId, task.state().value()));
      }
      Changes changes = Changes.NONE;
      for (long stepId : failed) {
        lockedStep(connection, stepId);
        changes = changes.and(transitions.retryStep(connection, stepId));
        retried.add(stepId);
      }
      return changes;
    });
    return retried;
  }

  /** @param result what the children read; null: {@code {}} */
  public Json resolveStep(long stepId, String reason, Json result) {
    change(connection -> {
      LockedTask task = lockedTaskOf(connection, stepId);
      LockedStep step = lockedStep(connection, stepId);
      if (!RESOLVABLE.contains(step.state()) || endedForGood(task)) {
        throw refused(step, task, "resolved", "only a step that is pending, enqueued, waiting_for_retry or in error can be");
      }
      return transitions.resolveStep(connection, stepId, result, reason);
    });
    return answer(ClaimedStep.taskIdOf(stepId), stepId, StepState.RESOLVED_MANUALLY.value());
  }

  /** A decision in a transaction of its own. */
  private void change(Database.Work<Changes> decision) {
    try (Publication publication = events.begin()) {
      Changes changes = database.transaction(decision);
      afterCommit.apply(publication, changes, new Plain(metrics));
    }
  }

  private static boolean endedForGood(LockedTask task) {
    return task.state().ended() && task.state() != TaskState.ERROR;
  }

  private static TaskerException.State refused(LockedStep step, LockedTask task, String verb, String rule) {
    return new TaskerException.State(Format.text("Step %d (%s) is %s, its task %s, and cannot be %s: %s",
        step.stepId(), step.name(), step.state().value(), task.state().value(), verb, rule));
  }

  private LockedTask locked(Connection connection, long taskId) throws SQLException {
    return tasks.lock(connection, taskId).orElseThrow(() -> new TaskerException.TaskNotFound(taskId));
  }

  private LockedTask lockedTaskOf(Connection connection, long stepId) throws SQLException {
    return tasks.lock(connection, ClaimedStep.taskIdOf(stepId))
        .orElseThrow(() -> new TaskerException.StepNotFound(stepId));
  }

  private LockedStep lockedStep(Connection connection, long stepId) throws SQLException {
    return steps.lock(connection, stepId).orElseThrow(() -> new TaskerException.StepNotFound(stepId));
  }

  private static Json answer(long taskId, Long stepId, String state) {
    return JsonWriter.object(out -> out.put("task_id", taskId).put("step_id", stepId).put("state", state));
  }
}
