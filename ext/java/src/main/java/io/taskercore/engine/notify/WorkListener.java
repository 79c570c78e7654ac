package io.taskercore.engine.notify;

/** Somebody who looks for work of any task. */
@FunctionalInterface
public interface WorkListener {

  /** There may be work in the queue; must not block. */
  void signal();
}
