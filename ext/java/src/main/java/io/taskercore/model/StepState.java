package io.taskercore.model;

import java.util.Locale;

/** Where a step stands; {@link #value()} is the name in the database, in Ruby and in the documentation. */
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

  private final String value = name().toLowerCase(Locale.ROOT);

  public String value() {
    return value;
  }

  public static StepState of(String value) {
    return valueOf(value.toUpperCase(Locale.ROOT));
  }
}
