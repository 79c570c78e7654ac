package io.taskercore.engine.notify;

import io.taskercore.model.TaskState;

/** Who works on one task, and is told of it. None of these may block. */
public interface TaskListener {

  long taskId();

  /** There may be steps of the task to claim. */
  void signal();

  /** The task has ended by what was committed here. */
  void taskEnded(TaskState state);

  /** Something may have happened elsewhere. */
  void poll();
}
