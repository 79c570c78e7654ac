package io.taskercore.engine.notify;

import io.taskercore.store.Changes.Ended;

/** Somebody who works on one task, and is told of its news. No method may block. */
public interface TaskListener {

  long taskId();

  /** There may be steps of the task to claim. */
  void signal();

  /** A task with this id has ended by a change that was committed here. */
  void taskEnded(Ended task);

  /** Something may have happened elsewhere. */
  void poll();
}
