package io.taskercore.event;

import io.taskercore.model.StepState;
import io.taskercore.model.TaskState;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;

/** The names of the core's own events: one for each state that a task or a step can come to. */
public final class CoreEvents {

  public static final String TASK_INITIALIZED = ofTask(TaskState.PENDING);

  private static final List<String> NAMES =
      Stream.concat(
              Arrays.stream(TaskState.values()).map(CoreEvents::ofTask),
              Arrays.stream(StepState.values()).map(CoreEvents::ofStep))
          .filter(Objects::nonNull)
          .toList();

  private CoreEvents() {}

  /** The names that begin with the same word. */
  static List<String> namesLike(String name) {
    String beginning = name.substring(0, name.indexOf('.') + 1);
    return NAMES.stream().filter(other -> other.startsWith(beginning)).toList();
  }

  /** Whether a name is the core's, or may become the core's in future. The application's events must have other names. */
  static boolean isReserved(String name) {
    return name.startsWith("task.") || name.startsWith("step.");
  }

  public static String ofTask(TaskState to) {
    return switch (to) {
      case PENDING -> "task.initialized";
      case IN_PROGRESS -> "task.started";
      case COMPLETE -> "task.completed";
      case ERROR -> "task.failed";
      case CANCELLED -> "task.cancelled";
      case RESOLVED_MANUALLY -> "task.resolved_manually";
    };
  }

  /** Null for {@code PENDING}: it is no event when a step waits for its parents again. */
  public static String ofStep(StepState to) {
    return switch (to) {
      case PENDING -> null;
      case ENQUEUED -> "step.enqueued";
      case IN_PROGRESS -> "step.started";
      case WAITING_FOR_RETRY -> "step.retry_scheduled";
      case COMPLETE -> "step.completed";
      case ERROR -> "step.failed";
      case CANCELLED -> "step.cancelled";
      case SKIPPED -> "step.skipped";
      case RESOLVED_MANUALLY -> "step.resolved_manually";
    };
  }
}
