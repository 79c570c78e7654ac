package io.taskercore.engine;

import io.taskercore.engine.operate.OperatorChanges;
import io.taskercore.engine.report.TaskReports;
import io.taskercore.model.Json;
import io.taskercore.model.JsonWriter;
import io.taskercore.model.TaskerException;
import java.util.ArrayList;
import java.util.List;

/** What people decide about tasks and steps. */
public final class Operators {

  private final Runnable requireOpen;
  private final OperatorChanges changes;
  private final TaskReports reports;

  Operators(Runnable requireOpen, OperatorChanges changes, TaskReports reports) {
    this.requireOpen = requireOpen;
    this.changes = changes;
    this.reports = reports;
  }

  public Json cancelTask(long taskId, String reason) {
    requireOpen.run();
    return changes.cancel(taskId, reason);
  }

  public Json resolveTask(long taskId, String reason) {
    requireOpen.run();
    return changes.resolve(taskId, reason);
  }

  public Json retryStep(long stepId) {
    requireOpen.run();
    return changes.retryStep(stepId);
  }

  /** Lets all failed steps of a task run once more. */
  public Json retryTask(long taskId) {
    requireOpen.run();
    List<Long> retried = changes.retryTask(taskId);
    return JsonWriter.object(out -> out.put("task_id", taskId).put("step_ids", JsonWriter.integers(retried)));
  }

  /**
   * The same with all tasks in error that match, each in a transaction of its own. What somebody else changes meanwhile is passed over.
   *
   * @param filter as of {@code list_tasks}, without {@code status, limit, cursor}
   */
  public Json retryTasks(Json filter) {
    requireOpen.run();
    List<Integer> steps = new ArrayList<>();
    for (long taskId : reports.failedTasks(filter)) {
      try {
        steps.add(changes.retryTask(taskId).size());
      } catch (TaskerException.State | TaskerException.TaskNotFound changedMeanwhile) {
        continue;
      }
    }
    return JsonWriter.object(out -> out.put("tasks", steps.size()).put("steps", steps.stream().mapToInt(Integer::intValue).sum()));
  }

  /** @param result what children read; null: {@code {}} */
  public Json resolveStep(long stepId, String reason, Json result) {
    requireOpen.run();
    return changes.resolveStep(stepId, reason, result);
  }
}
