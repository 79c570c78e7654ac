package io.taskercore.config;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** To whom the server's sessions belong. */
public enum ConnectionMode {
  /** A connection is a session of our own: it may have settings and prepared statements, and may listen. */
  DIRECT,

  /** Any transaction may land on any session, as behind PgBouncer in transaction mode: nothing may outlive a transaction. */
  POOLER;

  private final String value = name().toLowerCase(Locale.ROOT);

  /** The value as a configuration spells it. */
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
