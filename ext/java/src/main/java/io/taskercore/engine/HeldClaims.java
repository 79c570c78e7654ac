package io.taskercore.engine;

import io.taskercore.engine.AfterCommit.Plain;
import io.taskercore.event.Publication;
import io.taskercore.model.ClaimedStep;
import io.taskercore.model.ClaimedStep.Claim;
import io.taskercore.model.TaskerException;
import io.taskercore.store.Changes;
import io.taskercore.store.Database;
import io.taskercore.store.Transitions;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Predicate;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The claims that this process holds, from the answer that made them until they are recorded, lost or given back; and the ways
 * in which they go back.
 */
final class HeldClaims {

  private static final Logger LOG = LoggerFactory.getLogger(HeldClaims.class);

  private static final long AGAIN_MS = 1_000;

  private final CoreRuntime runtime;
  private final Database database;
  private final Transitions transitions = new Transitions();
  private final Map<Claim, Attempt> attempts = new ConcurrentHashMap<>();

  /** The one attempt whose step is on its last chance: if it kills the process, it takes no other to its limit of crashes. */
  private final AtomicReference<Attempt> lastChance = new AtomicReference<>();

  HeldClaims(CoreRuntime runtime, Database database) {
    this.runtime = runtime;
    this.database = database;
  }

  void add(Attempt attempt) {
    attempts.put(attempt.step().claim(), attempt);
    runtime.memories().use(attempt.memory());
    attempt.claimant().holds(1);
  }

  /** The attempt is recorded, lost or given back. */
  void remove(Attempt attempt) {
    if (attempts.remove(attempt.step().claim(), attempt)) {
      runtime.memories().leave(attempt.memory());
      attempt.claimant().holds(-1);
      leaveLastChance(attempt);
    }
  }

  /** Whether a step may be claimed that is on its last chance. */
  boolean lastChanceIsFree() {
    return lastChance.get() == null;
  }

  /** @return false if another one was claimed at the same time: this one is to be given back */
  boolean takeLastChance(Attempt attempt) {
    return lastChance.compareAndSet(null, attempt);
  }

  /** The attempt is over, or waits for others, one of which may be on its last chance too. */
  void leaveLastChance(Attempt attempt) {
    if (lastChance.compareAndSet(attempt, null)) {
      runtime.signals().wakeWorkers();
    }
  }

  Collection<Attempt> all() {
    return attempts.values();
  }

  List<Attempt> ofTask(long taskId) {
    return those(attempt -> attempt.taskId() == taskId);
  }

  /** The attempt that this claim is for; null if it is none of ours, or not any more. */
  Attempt of(Claim claim) {
    return attempts.get(claim);
  }

  private List<Attempt> those(Predicate<Attempt> which) {
    return attempts.values().stream().filter(which).toList();
  }

  /** A step of the task has failed. Under fail_fast its claims that nobody has begun go back, and running handlers are told. */
  void stopFailedFast(long taskId) {
    List<Attempt> ofTask = those(attempt -> attempt.taskId() == taskId && attempt.failFast());
    ofTask.forEach(Attempt::tell);
    giveBackUnstarted(ofTask);
  }

  /** Gives back what a claimant has claimed and nobody has begun. */
  void giveBackUnstarted(Claimant claimant) {
    giveBackUnstarted(those(attempt -> attempt.claimant() == claimant));
  }

  /** The same for some attempts. */
  void giveBackUnstarted(List<Attempt> some) {
    giveBackWithheld(withhold(some));
  }

  /** Keeps those of the attempts that nobody has begun from beginning; {@link #giveBackWithheld} must follow. */
  List<Attempt> withhold(List<Attempt> some) {
    List<Attempt> withheld = some.stream().filter(Attempt::withdraw).toList();
    withheld.forEach(attempt -> attempt.claimant().lane().drop(attempt));
    return withheld;
  }

  void giveBackWithheld(List<Attempt> withheld) {
    giveBack(withheld.stream().map(Attempt::step).toList(), false);
    withheld.forEach(this::remove);
  }

  /** Interrupts handlers and gives their steps back. */
  void breakOff(Predicate<Attempt> which) {
    List<Attempt> some = those(which);
    giveBackUnstarted(some);
    List<Attempt> brokenOff = some.stream().filter(Attempt::lose).toList();
    giveBack(brokenOff.stream().map(Attempt::step).toList(), true);
  }

  /**
   * Interrupts handlers whose claims are not ours any more; those that nobody has begun are given back.
   *
   * @return how many handlers were running: nobody gives their steps back, it is for a reaper to count the crash
   */
  long lose(Predicate<Attempt> which) {
    List<Attempt> some = those(which);
    giveBackUnstarted(some);
    return some.stream().filter(Attempt::lose).count();
  }

  /** Outcomes that could not be recorded for a reason of our own: their steps run again. */
  void abandon(List<Completion> completions) {
    completions.forEach(completion -> giveBackWithheld(completion.withheld()));
    giveBack(completions.stream().map(completion -> completion.attempt().step()).toList(), true);
    completions.forEach(completion -> remove(completion.attempt()));
  }

  /** Gives claims back whose attempts never began; they do not count. */
  void giveBack(List<ClaimedStep> claims) {
    giveBack(claims, false);
  }

  /**
   * Where PostgreSQL does not take them now, again later.
   *
   * @param started whether the attempts began, and count
   */
  private void giveBack(List<ClaimedStep> claims, boolean started) {
    if (claims.isEmpty()) {
      return;
    }
    runtime.execute(() -> {
      try (Publication publication = runtime.events().begin()) {
        Changes changes = database.call(connection -> transitions.giveBack(connection, claims, started));
        runtime.afterCommit().apply(publication, changes, new Plain(runtime.metrics()));
      } catch (TaskerException.Database failure) {
        LOG.warn("core: {} claims are given back in {} ms: {}", claims.size(), AGAIN_MS, failure.getMessage());
        runtime.timers().in(AGAIN_MS, () -> giveBack(claims, started));
      }
    });
  }
}
