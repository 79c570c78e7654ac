package io.taskercore.model;

import java.util.Locale;

/** Where a task stands; {@link #wire()} is the name in the database, in Ruby and in the documentation. */
public enum TaskState {
  PENDING(false),
  IN_PROGRESS(false),
  COMPLETE(true),
  ERROR(true),
  CANCELLED(true),
  RESOLVED_MANUALLY(true);

  private final String wire = name().toLowerCase(Locale.ROOT);
  private final boolean ended;

  TaskState(boolean ended) {
    this.ended = ended;
  }

  public String wire() {
    return wire;
  }

  /** True once nothing of the task runs any more; only {@code ERROR} can be brought back to life. */
  public boolean ended() {
    return ended;
  }

  public static TaskState of(String wire) {
    return valueOf(wire.toUpperCase(Locale.ROOT));
  }
}
