package io.taskercore.jruby;

import io.taskercore.config.OrchestrationConfig;
import io.taskercore.model.TaskerException;

/** On which threads a coordinator's handlers run. Each kind has a queue of its own. */
enum HandlerThreadKind {
  /** Threads that Ruby makes, each of them a thread of the operating system. */
  PLATFORM,

  /** Virtual threads, which cost next to nothing while they wait. */
  VIRTUAL;

  /** @throws TaskerException.Configuration if virtual threads are asked for and this Java has none */
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
