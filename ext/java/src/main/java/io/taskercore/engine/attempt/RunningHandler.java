package io.taskercore.engine.attempt;

/** A handler that runs, as the core knows it. */
@FunctionalInterface
public interface RunningHandler {

  /** Interrupts it. Called at most once, from a thread of the core, and must not block. */
  void interrupt();

  /** Where the handler is now in the application's code, for a person; empty if that is not known. */
  default String place() {
    return "";
  }
}
