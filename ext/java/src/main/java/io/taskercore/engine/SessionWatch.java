package io.taskercore.engine;

import io.taskercore.model.Format;
import io.taskercore.store.SessionProbe;
import io.taskercore.store.SessionProbe.Seen;
import io.taskercore.store.Sessions;
import io.taskercore.store.Sessions.Session;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import javax.sql.DataSource;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Watches sessions on which a call waits for long. A server that is slow, or waits for a standby, is waited for: giving up and trying
 * again would leave one session behind each time, and the new call would wait for the old one. But a connection whose answer was lost is
 * broken off, and the server's end of it is ended too, so that the server never has more sessions of ours than we know of.
 *
 * <p>It asks the server on a connection that it opens for this, and only while something waits.
 */
final class SessionWatch {

  private static final Logger LOG = LoggerFactory.getLogger(SessionWatch.class);

  /** How often it looks, and how long a call must wait to be worth a look. */
  static final long LOOK_MS = 5_000;

  /** If a server does not answer for this long, or says that it does nothing for us, no answer will come. */
  private static final long SILENT_NANOS = TimeUnit.SECONDS.toNanos(30);

  /** For so long a session must have been at nothing, by the server's word, before the wait for its answer is in vain. */
  private static final double AT_NOTHING_S = 5;

  /** Where the server has no session to spare for a look, nobody can tell what waits in vain: after so long, it is taken to. */
  private static final long UNSEEN_NANOS = TimeUnit.MINUTES.toNanos(5);

  /** One look in vain may be the network's or a busy server's fault. */
  private static final int LOOKS_IN_VAIN = 2;

  private static final String NO_CONNECTION = "08";

  private final Sessions sessions;
  private final DataSource connections;
  private final Executor executor;
  private final Runnable gone;
  private final SessionProbe probe = new SessionProbe();
  private volatile String complaint;
  private int looksInVain;

  /**
   * @param connections for a connection beside the watched ones, which must not wait for long itself
   * @param gone called when a session is gone that was given up: by now its statement was committed, or it never will be
   */
  SessionWatch(Sessions sessions, DataSource connections, Executor executor, Runnable gone) {
    this.sessions = sessions;
    this.connections = connections;
    this.executor = executor;
    this.gone = gone;
  }

  /** Says in words what the last look found wrong; empty if nothing. */
  List<String> complaints() {
    String now = complaint;
    return now == null ? List.of() : List.of(now);
  }

  void look() {
    List<Session> waiting = sessions.waitingFor(TimeUnit.MILLISECONDS.toNanos(LOOK_MS));
    List<Session> givenUp = sessions.givenUp();
    if (waiting.isEmpty() && givenUp.isEmpty()) {
      complaint = null;
      return;
    }
    try (Connection connection = connections.getConnection()) {
      List<Session> all = new ArrayList<>(waiting);
      all.addAll(givenUp);
      Map<Session, Seen> seen = probe.look(connection, all);
      breakOffWhatIsLost(waiting, seen);
      complaint = complaintOf(waiting, seen);
      endWhatWasGivenUp(connection, givenUp, seen);
      looksInVain = 0;
    } catch (SQLException failure) {
      complaint = null; // health asks PostgreSQL itself, and tells that it does not answer
      boolean isUnreachable = String.valueOf(failure.getSQLState()).startsWith(NO_CONNECTION);
      looksInVain = isUnreachable ? looksInVain + 1 : 0;
      if (looksInVain >= LOOKS_IN_VAIN) {
        breakOff(silent(SILENT_NANOS, waiting), "PostgreSQL cannot be reached");
      } else if (!isUnreachable) {
        breakOff(silent(UNSEEN_NANOS, waiting), "PostgreSQL cannot be asked about it");
      }
    }
  }

  private void breakOffWhatIsLost(List<Session> waiting, Map<Session, Seen> seen) throws SQLException {
    List<Session> lost = silent(SILENT_NANOS, waiting).stream()
        .filter(session -> !seen.containsKey(session) || !seen.get(session).isAtWork() && seen.get(session).sinceS() > AT_NOTHING_S)
        .toList();
    breakOff(lost, "PostgreSQL has no answer under way");
  }

  /** Those among them that still wait by now, and for long. */
  private List<Session> silent(long nanos, List<Session> waiting) {
    List<Session> silent = new ArrayList<>(sessions.waitingFor(nanos));
    silent.retainAll(waiting);
    return silent;
  }

  private void breakOff(List<Session> lost, String why) {
    for (Session session : lost) {
      LOG.warn("database: a call has waited for over {} s on session {}, and {}; the connection is broken off",
          TimeUnit.NANOSECONDS.toSeconds(SILENT_NANOS), session.pid(), why);
      try {
        session.abort(executor);
      } catch (SQLException failure) {
        LOG.warn("database: session {} could not be broken off: {}", session.pid(), failure.getMessage());
      }
    }
  }

  private void endWhatWasGivenUp(Connection connection, List<Session> givenUp, Map<Session, Seen> seen) throws SQLException {
    for (Session session : givenUp) {
      if (seen.containsKey(session)) {
        probe.end(connection, session);
      } else {
        sessions.forget(session);
        gone.run();
      }
    }
  }

  private static String complaintOf(List<Session> waiting, Map<Session, Seen> seen) {
    Map<String, Long> byEvent = waiting.stream()
        .filter(session -> seen.containsKey(session) && seen.get(session).isAtWork())
        .collect(Collectors.groupingBy(session -> seen.get(session).waitEvent(), Collectors.counting()));
    return byEvent.isEmpty() ? null : byEvent.entrySet().stream().sorted(Map.Entry.comparingByKey())
        .map(entry -> Format.text("%d of this process's sessions have waited for over %d s for PostgreSQL, which waits for %s",
            entry.getValue(), LOOK_MS / 1_000, cause(entry.getKey())))
        .collect(Collectors.joining("; "));
  }

  private static String cause(String event) {
    return switch (event) {
      case "SyncRep" -> "a synchronous standby that does not acknowledge (see synchronous_standby_names)";
      case "" -> "nothing: it is at work";
      default -> event;
    };
  }
}
