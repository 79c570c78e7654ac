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

  private final String wire = name().toLowerCase(Locale.ROOT);

  /** As a configuration says it. */
  public String wire() {
    return wire;
  }

  static List<String> wires() {
    return Arrays.stream(values()).map(ConnectionMode::wire).toList();
  }

  static ConnectionMode of(String wire) {
    return valueOf(wire.toUpperCase(Locale.ROOT));
  }
}
