package io.taskercore.engine;

import com.zaxxer.hikari.SQLExceptionOverride;
import java.sql.SQLException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Set;
import java.util.concurrent.TimeUnit;

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

  /** Where a server's sessions are ours, statements that we have prepared do not get lost again and again. */
  private static final Set<String> LOST_STATEMENTS = Set.of("26000", "42P05");

  private static final long RECENT_NANOS = TimeUnit.SECONDS.toNanos(60);

  private static final int SUSPICIOUS = 3;

  private final Deque<Long> lostNanos = new ArrayDeque<>();

  /** Whether statements that were prepared have been lost so often in the last minute that somebody else uses our sessions. */
  synchronized boolean areShared() {
    long now = System.nanoTime();
    lostNanos.removeIf(at -> now - at > RECENT_NANOS);
    return lostNanos.size() >= SUSPICIOUS;
  }

  private synchronized void lostStatement() {
    lostNanos.addLast(System.nanoTime());
    if (lostNanos.size() > SUSPICIOUS) {
      lostNanos.removeFirst();
    }
  }

  @java.lang.Override
  public Override adjudicate(SQLException failure) {
    String state = failure.getSQLState();
    if (state != null && LOST_STATEMENTS.contains(state)) {
      lostStatement();
    }
    return state != null && STATES.contains(state) ? Override.MUST_EVICT : Override.CONTINUE_EVICT;
  }
}
