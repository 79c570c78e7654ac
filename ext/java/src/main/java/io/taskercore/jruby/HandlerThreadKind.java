package io.taskercore.jruby;

import io.taskercore.config.OrchestrationConfig;
import io.taskercore.model.TaskerException;

/** On which threads a coordinator's handlers run; each kind has a queue of its own. */
enum HandlerThreadKind {
  /** Threads that Ruby makes, each one of the operating system's. */
  PLATFORM,

  /** Virtual threads, which cost next to nothing while they wait. */
  VIRTUAL;

  /** @throws TaskerException.Configuration if this Java has no virtual threads and they are asked for */
  static HandlerThreadKind of(OrchestrationConfig config) {
    if (!config.virtualThreads()) {
      return PLATFORM;
    }
    if (!VirtualThreads.AVAILABLE) {
      throw new TaskerException.Configuration(
          "virtual_threads: needs Java 21 or later, and this is Java " + System.getProperty("java.version"));
    }
    return VIRTUAL;
  }
}
