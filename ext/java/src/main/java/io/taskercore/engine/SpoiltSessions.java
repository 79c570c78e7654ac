package io.taskercore.engine;

import com.zaxxer.hikari.SQLExceptionOverride;
import java.sql.SQLException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/**
 * Decides which errors mean that a session can no longer be used, although it lives: the pool throws such a session away, and the next
 * one is new. Otherwise it would be kept for as long as a session may live.
 */
final class SpoiltSessions implements SQLExceptionOverride {

  /**
   * The session has been read-only since it began, as during a switch-over of the server (25006); a prepared statement is missing, or is
   * already there, as after somebody's DISCARD ALL (26000, 42P05); a time-out of the server ended it (25P03, 25P04, 57P05).
   */
  private static final Set<String> STATES = Set.of("25006", "26000", "42P05", "25P03", "25P04", "57P05");

  /** If a server's sessions are ours alone, our prepared statements do not get lost again and again. */
  private static final Set<String> LOST_STATEMENTS = Set.of("26000", "42P05");

  private static final long RECENT_NANOS = TimeUnit.SECONDS.toNanos(60);

  private static final int SUSPICIOUS = 3;

  private final Deque<Long> lostNanos = new ArrayDeque<>();

  /** Whether prepared statements were lost so often in the last minute that somebody else must be using our sessions. */
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
