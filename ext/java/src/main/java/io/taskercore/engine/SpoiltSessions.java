package io.taskercore.engine;

import com.zaxxer.hikari.SQLExceptionOverride;
import java.sql.SQLException;
import java.util.Set;

/**
 * Which errors say that a session will not do any more, though it lives: the pool throws it away, and the next one is new. Without that it
 * would be kept for as long as a session may live.
 */
final class SpoiltSessions implements SQLExceptionOverride {

  /**
   * Read-only since it began, as while a server is switched over (25006); a prepared statement is missing, or there already, as after
   * somebody's DISCARD ALL (26000, 42P05); ended by a time-out of the server's (25P03, 25P04, 57P05).
   */
  private static final Set<String> STATES = Set.of("25006", "26000", "42P05", "25P03", "25P04", "57P05");

  @java.lang.Override
  public Override adjudicate(SQLException failure) {
    String state = failure.getSQLState();
    return state != null && STATES.contains(state) ? Override.MUST_EVICT : Override.CONTINUE_EVICT;
  }
}
