package io.taskercore.model;

import java.util.Locale;

/** What a permanent failure of one step means for the rest of its task. */
public enum FailureMode {
  /** Independent branches go on; the task ends in {@code error} when nothing more can run. */
  CONTINUE,
  /** Unstarted steps are cancelled at once, running ones are told. */
  FAIL_FAST;

  private final String value = name().toLowerCase(Locale.ROOT);

  public String value() {
    return value;
  }
}
