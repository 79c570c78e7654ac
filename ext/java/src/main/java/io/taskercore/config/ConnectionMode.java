package io.taskercore.config;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** Whose the server's sessions are. */
public enum ConnectionMode {
  /** A connection is a session of ours: it may have settings, prepared statements, and listen. */
  DIRECT,

  /** Any transaction may land on any session, as behind PgBouncer in transaction mode: nothing may outlive a transaction. */
  POOLER;

  private final String value = name().toLowerCase(Locale.ROOT);

  /** As a configuration says it. */
  public String value() {
    return value;
  }

  static List<String> names() {
    return Arrays.stream(values()).map(ConnectionMode::value).toList();
  }

  static ConnectionMode of(String value) {
    return valueOf(value.toUpperCase(Locale.ROOT));
  }
}
