package io.taskercore.engine.claim;

import io.taskercore.engine.attempt.ClaimReturner;
import io.taskercore.engine.attempt.InFlightAttempts;
import io.taskercore.model.ClaimedStep;
import io.taskercore.model.ClaimedStep.Claim;
import io.taskercore.store.Database;
import io.taskercore.store.ProcessStore;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Finds claims that PostgreSQL has committed and whose confirmation was lost: their steps are in progress under our process's id, and no
 * attempt here belongs to them.
 *
 * <ol>
 *   <li>Everybody who claims announces that before the statement is sent, and ends the announcement when the claims are attempts in
 *       flight ({@link #begin}).
 *   <li>After an answer was lost, each renewal of the lease is followed by a look, for a minute.
 *   <li>A claim without an attempt may still be on its way to becoming one. It is given back when everybody who was claiming at the time
 *       it was first seen has finished.
 * </ol>
 */
public final class UnconfirmedClaims {

  private static final Logger LOG = LoggerFactory.getLogger(UnconfirmedClaims.class);

  /**
   * Claims of a lost answer may turn up for this long. Hardly any statement lives longer. For one that does, there is another look when
   * its session is gone ({@link #doubt}).
   */
  private static final long LOOK_NANOS = TimeUnit.SECONDS.toNanos(60);

  private final Database database;
  private final InFlightAttempts inFlight;
  private final ClaimReturner returner;
  private final ProcessStore processes = new ProcessStore();
  private final Set<Claiming> underWay = ConcurrentHashMap.newKeySet();

  /** Tasks with claims of ours that nobody here knew of, whatever the lists say. */
  private final Set<Long> reported = ConcurrentHashMap.newKeySet();

  private volatile Long suspectedNanos;
  private Map<Claim, Long> firstSeenNanos = Map.of();

  public UnconfirmedClaims(Database database, InFlightAttempts inFlight, ClaimReturner returner) {
    this.database = database;
    this.inFlight = inFlight;
    this.returner = returner;
  }

  /** Somebody who claims. Closed once the claims are in flight, or are known not to be ours. */
  public final class Claiming {

    private final long beganNanos = System.nanoTime();

    public void close() {
      underWay.remove(this);
    }
  }

  public Claiming begin() {
    Claiming claiming = new Claiming();
    underWay.add(claiming);
    return claiming;
  }

  /** Claims, and stays announced until the claims are in flight. */
  public <T> T claiming(Supplier<T> work) {
    Claiming claiming = begin();
    try {
      return work.get();
    } finally {
      claiming.close();
    }
  }

  /** An answer that may have confirmed claims was lost. */
  public synchronized void suspect() {
    suspectedNanos = System.nanoTime();
  }

  /**
   * There may be claims of ours that nobody here knows of. If so, they exist by now, so one look is enough. Either the database may have
   * gone back in time, and have claims again that are over, or a statement is over that nobody waited for any more.
   */
  public synchronized void doubt() {
    // Where there is a suspicion already, a look that is under way must not end it.
    suspectedNanos = suspectedNanos == null ? System.nanoTime() - LOOK_NANOS : suspectedNanos + 1;
  }

  /**
   * What this process has held for long, as the database has it: where nobody here knows of a claim, its answer was lost so long ago that
   * nobody looks for it any more. Behind a pooler, for one, nobody can know how long a statement lives whose connection was given up.
   */
  public void report(List<Claim> held) {
    List<Long> unknown = held.stream().filter(claim -> inFlight.of(claim) == null).map(claim -> ClaimedStep.taskIdOf(claim.stepId())).toList();
    if (!unknown.isEmpty()) {
      reported.addAll(unknown);
      doubt();
    }
  }

  /** Whether there may be claims that nobody here knows of. */
  public boolean isSuspicious() {
    return suspectedNanos != null;
  }

  /** Gives back what is found, where there is reason to look. */
  public void look(long processId) {
    Long suspected = suspectedNanos;
    if (suspected == null) {
      return;
    }
    List<Long> alsoIn = List.copyOf(reported);
    List<ClaimedStep> ours = database.call(connection -> processes.heldBy(connection, processId, alsoIn));
    long now = System.nanoTime();
    // This must come before the look at the attempts: whoever is no longer under way has put its attempts there.
    long oldest = underWay.stream().mapToLong(claiming -> claiming.beganNanos - now).min().orElse(0);
    Map<Claim, Long> unknown = new HashMap<>();
    List<ClaimedStep> unconfirmed = new ArrayList<>();
    for (ClaimedStep step : ours) {
      if (inFlight.of(step.claim()) == null) {
        long firstSeen = firstSeenNanos.getOrDefault(step.claim(), now);
        unknown.put(step.claim(), firstSeen);
        if (firstSeen - now < oldest) {
          unconfirmed.add(step);
        }
      }
    }
    firstSeenNanos = unknown;
    if (!unconfirmed.isEmpty()) {
      LOG.warn("lease: {} claims were made but never confirmed; giving them back", unconfirmed.size());
      returner.giveBack(unconfirmed, false);
    }
    if (unknown.isEmpty()) {
      alsoIn.forEach(reported::remove);
    }
    if (unknown.isEmpty() && now - suspected > LOOK_NANOS) {
      trust(suspected);
    }
  }

  /** Unless a new doubt has come up since. */
  private synchronized void trust(Long suspected) {
    if (suspected.equals(suspectedNanos)) {
      suspectedNanos = null;
    }
  }
}
