package io.taskercore.model;

import java.util.Locale;

/** Where a step stands; {@link #wire()} is the name in the database, in Ruby and in the documentation. */
public enum StepState {
  PENDING,
  ENQUEUED,
  IN_PROGRESS,
  WAITING_FOR_RETRY,
  COMPLETE,
  ERROR,
  CANCELLED,
  SKIPPED,
  RESOLVED_MANUALLY;

  private final String wire = name().toLowerCase(Locale.ROOT);

  public String wire() {
    return wire;
  }

  /** True where children may run: they need every parent to be so. */
  public boolean satisfiesChildren() {
    return this == COMPLETE || this == SKIPPED || this == RESOLVED_MANUALLY;
  }

  public static StepState of(String wire) {
    return valueOf(wire.toUpperCase(Locale.ROOT));
  }
}
