package io.taskercore.engine.attempt;

import io.taskercore.engine.clock.CoreClock;
import io.taskercore.engine.clock.Timers;
import io.taskercore.engine.task.CachedTask;
import io.taskercore.engine.task.TaskCache;
import io.taskercore.model.ClaimedStep.Claim;
import io.taskercore.model.Json;
import io.taskercore.model.StepOutcome;
import java.time.Instant;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Predicate;
import java.util.function.Supplier;

/** The attempts of this process, from the answer that made their claims until they are recorded, lost or given back. */
public final class InFlightAttempts implements Attempt.Host {

  private final TaskCache tasks;
  private final CoreClock clock;
  private final Timers timers;
  private final Supplier<OutcomeSink> outcomes;
  private final ClaimReturner returner;
  private final Runnable lastChanceCameFree;
  private final ResultRoom results;
  private final Map<Claim, Attempt> attempts = new ConcurrentHashMap<>();

  /** The one attempt whose step is on its last chance. If that step kills the process, it takes no other step to its limit of crashes. */
  private final AtomicReference<Attempt> lastChance = new AtomicReference<>();

  /**
   * @param lastChanceCameFree called when a step on its last chance may be claimed again
   * @param results room for results that wait to be recorded
   */
  public InFlightAttempts(
      TaskCache tasks,
      CoreClock clock,
      Timers timers,
      Supplier<OutcomeSink> outcomes,
      ClaimReturner returner,
      Runnable lastChanceCameFree,
      ResultRoom results) {
    this.tasks = tasks;
    this.clock = clock;
    this.timers = timers;
    this.outcomes = outcomes;
    this.returner = returner;
    this.lastChanceCameFree = lastChanceCameFree;
    this.results = results;
  }

  public void add(Attempt attempt) {
    attempts.put(attempt.step().claim(), attempt);
    tasks.retain(attempt.task());
    attempt.owner().inFlightChanged(1);
  }

  /** The attempt is recorded, lost or given back. */
  @Override
  public void remove(Attempt attempt) {
    if (attempts.remove(attempt.step().claim(), attempt)) {
      tasks.release(attempt.task());
      results.remove(attempt.resultBytes());
      attempt.owner().inFlightChanged(-1);
      releaseLastChance(attempt);
    }
  }

  /** Whether a step on its last chance may be claimed. */
  public boolean isLastChanceFree() {
    return lastChance.get() == null;
  }

  /** @return false if another one was claimed at the same time: then this one must be given back */
  public boolean takeLastChance(Attempt attempt) {
    return lastChance.compareAndSet(null, attempt);
  }

  /** The attempt is over, or waits for other steps, one of which may be on its last chance too. */
  @Override
  public void releaseLastChance(Attempt attempt) {
    if (lastChance.compareAndSet(attempt, null)) {
      lastChanceCameFree.run();
    }
  }

  public Collection<Attempt> all() {
    return attempts.values();
  }

  public List<Attempt> ofTask(long taskId) {
    return matching(attempt -> attempt.taskId() == taskId);
  }

  /** The attempt that this claim is for; null if the claim is not, or no longer, one of ours. */
  public Attempt of(Claim claim) {
    return attempts.get(claim);
  }

  private List<Attempt> matching(Predicate<Attempt> which) {
    return attempts.values().stream().filter(which).toList();
  }

  /** A step of the task has failed. Under fail_fast its claims that have not begun are given back, and running handlers are told. */
  public void stopFailedFast(long taskId) {
    List<Attempt> ofTask = matching(attempt -> attempt.taskId() == taskId && attempt.failFast());
    ofTask.forEach(Attempt::markCancelled);
    giveBackUnstarted(ofTask);
  }

  /** Gives back the claims of an owner that have not begun. */
  public void giveBackUnstarted(ClaimOwner owner) {
    giveBackUnstarted(matching(attempt -> attempt.owner() == owner));
  }

  /** The same for these attempts. */
  public void giveBackUnstarted(List<Attempt> some) {
    giveBackPreempted(preempt(some));
  }

  /**
   * Keeps those of the attempts that have not begun from beginning. The caller must still remove them.
   *
   * @return the attempts that were kept from beginning
   */
  public List<Attempt> preempt(List<Attempt> some) {
    List<Attempt> preempted = some.stream().filter(Attempt::preempt).toList();
    preempted.forEach(attempt -> attempt.owner().slots().remove(attempt));
    return preempted;
  }

  public void giveBackPreempted(List<Attempt> preempted) {
    giveBack(preempted, false);
    preempted.forEach(this::remove);
  }

  /** Interrupts handlers and gives their steps back. */
  public void breakOff(Predicate<Attempt> which) {
    List<Attempt> some = matching(which);
    giveBackUnstarted(some);
    giveBack(some.stream().filter(Attempt::revoke).toList(), true);
  }

  /**
   * Interrupts handlers whose claims are no longer ours, and gives back attempts that have not begun.
   *
   * @return how many handlers were running. Nobody gives their steps back: a reaper counts the crash
   */
  public long revoke(Predicate<Attempt> which) {
    List<Attempt> some = matching(which);
    giveBackUnstarted(some);
    return some.stream().filter(Attempt::revoke).count();
  }

  /** Attempts have ended whose outcomes could not be recorded: their steps run again. */
  public void abandon(List<Attempt> ended) {
    giveBack(ended, true);
    ended.forEach(this::remove);
  }

  private void giveBack(List<Attempt> some, boolean started) {
    if (!some.isEmpty()) {
      returner.giveBack(some.stream().map(Attempt::step).toList(), started);
    }
  }

  @Override
  public void giveBack(Attempt attempt) {
    giveBackPreempted(List.of(attempt));
  }

  @Override
  public Json resultOf(CachedTask task, long stepId) {
    return tasks.resultOf(task, stepId);
  }

  @Override
  public void resultWaits(long bytes) {
    results.add(bytes);
  }

  @Override
  public void awaitRoomForResults() {
    results.await();
  }

  @Override
  public Instant now() {
    return clock.instant();
  }

  @Override
  public Future<?> in(long delayMs, Runnable action) {
    return timers.in(delayMs, action);
  }

  @Override
  public void record(Attempt attempt, StepOutcome outcome) {
    outcomes.get().record(attempt, outcome);
  }

  @Override
  public Attempt recordHere(Attempt attempt, StepOutcome outcome) {
    return outcomes.get().recordHere(attempt, outcome);
  }
}
