package io.taskercore.engine.attempt;

/** A handler that runs, as the core knows it. */
@FunctionalInterface
public interface RunningHandler {

  /** Breaks into it; called at most once, from a thread of the core, and must not block. */
  void interrupt();

  /** Where it stands in the application's code, for a person; empty where that is not known. */
  default String place() {
    return "";
  }
}
