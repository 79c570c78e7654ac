package io.taskercore.engine.notify;

/** Who looks for work of any task. */
@FunctionalInterface
public interface WorkListener {

  /** There may be work in the queue; must not block. */
  void signal();
}
