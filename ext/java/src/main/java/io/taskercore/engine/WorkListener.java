package io.taskercore.engine;

/** Who looks for work of any task. */
@FunctionalInterface
interface WorkListener {

  /** There may be work in the queue; must not block. */
  void signal();
}
