package io.taskercore.model;

import java.util.Locale;

/** Where a task stands; {@link #value()} is the name in the database, in Ruby and in the documentation. */
public enum TaskState {
  PENDING(false),
  IN_PROGRESS(false),
  COMPLETE(true),
  ERROR(true),
  CANCELLED(true),
  RESOLVED_MANUALLY(true);

  private final String value = name().toLowerCase(Locale.ROOT);
  private final boolean ended;

  TaskState(boolean ended) {
    this.ended = ended;
  }

  public String value() {
    return value;
  }

  /** True once nothing of the task runs any more. Only a task in {@code ERROR} can be brought back to life. */
  public boolean ended() {
    return ended;
  }

  public static TaskState of(String value) {
    return valueOf(value.toUpperCase(Locale.ROOT));
  }
}
