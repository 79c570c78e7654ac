package io.taskercore.engine.housekeeping;

import io.taskercore.engine.attempt.Outcomes;
import io.taskercore.engine.notify.TaskEvents;
import io.taskercore.engine.record.AfterCommit;
import io.taskercore.engine.record.AfterCommit.Plain;
import io.taskercore.event.Publication;
import io.taskercore.metrics.EngineMetrics;
import io.taskercore.model.ClaimedStep;
import io.taskercore.model.ClaimedStep.Claim;
import io.taskercore.model.TaskerException;
import io.taskercore.store.Changes;
import io.taskercore.store.Database;
import io.taskercore.store.ProcessStore;
import io.taskercore.store.ProcessStore.Lapse;
import io.taskercore.store.ProcessStore.Orphan;
import io.taskercore.store.StepStore;
import io.taskercore.store.StepStore.HeldStep;
import io.taskercore.store.TaskStore;
import io.taskercore.store.Transitions;
import io.taskercore.store.Transitions.Crash;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Takes the claims of dead processes, so that their steps run elsewhere. It does so only while this process's own lease is current,
 * because only then lapsed leases mean something.
 */
public final class Reaper {

  private static final Logger LOG = LoggerFactory.getLogger(Reaper.class);

  /** It looks this many leases apart for claims of processes that are known as dead or have no row: no lease tells of these. */
  private static final long LEASES_PER_SWEEP = 10;

  /** What the log says of a step whose process has died, whether or not that counts for the step. */
  private static final Set<String> CRASHED = Set.of("lease_lapsed", "crash_limit", "process_died");

  /** No statement that a process sent before it died is under way for this long. */
  private static final long FORGOTTEN_AFTER_MS = 120_000;

  private final Database database;
  private final TaskEvents events;
  private final AfterCommit afterCommit;
  private final EngineMetrics metrics;
  private final ProcessLease lease;
  private final ProcessStore processes = new ProcessStore();
  private final TaskStore tasks = new TaskStore();
  private final StepStore steps = new StepStore();
  private final Transitions transitions = new Transitions();
  private final long leaseNanos;
  private final Lapses lapses;

  /** Tasks in which a sweeper has found claims that are on no list of the dead. */
  private final Set<Long> reported = ConcurrentHashMap.newKeySet();

  /** Claims of processes that have no row, and when they were first seen. */
  private Map<Claim, Long> namelessSince = Map.of();

  /** Whether this round has taken a process for dead. Its last statements may be under way, so the next look follows a lease later. */
  private boolean buried;

  /** When the next look for claims of the dead is due, whatever the leases say. */
  private volatile long sweepNanos = System.nanoTime();

  public Reaper(Database database, TaskEvents events, AfterCommit afterCommit, EngineMetrics metrics, ProcessLease lease) {
    this.database = database;
    this.events = events;
    this.afterCommit = afterCommit;
    this.metrics = metrics;
    this.lease = lease;
    this.leaseNanos = TimeUnit.MILLISECONDS.toNanos(lease.leaseMs());
    this.lapses = new Lapses(leaseNanos);
  }

  /** There are claims in these tasks that nobody holds who lives. */
  public void report(Set<Long> taskIds) {
    reported.addAll(taskIds);
    if (!taskIds.isEmpty()) {
      wantSweep();
    }
  }

  /** There are claims of a process that is dead: the next round must look for them. */
  public void wantSweep() {
    sweepNanos = System.nanoTime();
  }

  /**
   * The time until the next sweep is due, or less while a process is watched. A renewal that finds a lapsed lease brings the round
   * forward.
   */
  long untilNextRoundMs() {
    long soonest = lease.leaseMs() / 3;
    return lapses.isWatching() ? soonest : Math.max(soonest, TimeUnit.NANOSECONDS.toMillis(sweepNanos - System.nanoTime()));
  }

  public void round() {
    if (!lease.isCurrent()) {
      return;
    }
    long due = sweepNanos;
    boolean sweep = System.nanoTime() - due >= 0;
    try {
      reap(sweep);
    } catch (TaskerException.Database failure) {
      lease.troubled();
      // The processes may already be marked as dead, if only the answer was lost.
      wantSweep();
      throw failure;
    }
    if (sweepNanos == due && (sweep || buried)) {
      boolean soon = buried || !namelessSince.isEmpty();
      sweepNanos = System.nanoTime() + (soon ? leaseNanos : LEASES_PER_SWEEP * leaseNanos);
    }
    buried = false;
  }

  private void reap(boolean sweep) {
    // Usually no lease has lapsed. One statement finds that out; a transaction takes three.
    List<Lapse> lapsed = database.call(connection -> processes.lapsed(connection, lease.processId(), lease.leaseMs()));
    List<Lapse> dead = lapses.dead(lapsed, System.nanoTime(), lease.renewals(), lease.isCalm());
    if (!sweep && dead.isEmpty()) {
      return;
    }
    Look look = database.impatientTransaction(connection -> look(connection, dead, sweep));
    if (!sweep && !look.buried()) {
      // Another process was first, and takes the claims.
      return;
    }
    buried |= look.buried();
    look.asked().forEach(reported::remove);
    look.found().stream().filter(Orphan::nameless).map(Orphan::taskId).forEach(reported::add);
    List<Orphan> orphans = withoutYoungNameless(look.found());
    if (orphans.isEmpty()) {
      return;
    }
    LOG.warn("reaper: {} steps were held by processes that are gone and may run again", orphans.size());
    Map<Long, List<Orphan>> byTask = new TreeMap<>();
    orphans.forEach(orphan -> byTask.computeIfAbsent(orphan.taskId(), id -> new ArrayList<>()).add(orphan));
    byTask.forEach(this::release);
  }

  /** Each task has a transaction of its own, so that none waits for another's. A locked task is left for a later round. */
  private void release(long taskId, List<Orphan> orphans) {
    try (Publication publication = events.begin()) {
      Changes changes = database.impatientTransaction(connection -> release(connection, taskId, orphans));
      afterCommit.apply(publication, changes, new Plain(metrics));
      metrics.crashed(crashesIn(changes));
    } catch (TaskerException.Database failure) {
      // No lease tells of them any more, because their processes are known as dead by now.
      wantSweep();
      if (!failure.isLocked()) {
        throw failure;
      }
      LOG.info("reaper: task {} is locked by somebody else; its {} steps are left for the next round", taskId, orphans.size());
    }
  }

  private static int crashesIn(Changes changes) {
    return (int) changes.transitions().stream()
        .filter(change -> change.reason() != null && CRASHED.contains(change.reason()))
        .count();
  }

  /**
   * What a transaction has found. It counts only once the transaction is committed.
   *
   * @param buried whether it has taken a process for dead
   * @param asked the tasks in which it has looked for claims that are on no list
   */
  private record Look(boolean buried, List<Long> asked, List<Orphan> found) {}

  /** Once this is committed, the dead are known as such, whatever happens to their steps. */
  private Look look(Connection connection, List<Lapse> dead, boolean sweep) throws SQLException {
    boolean anybody = processes.bury(connection, dead) > 0;
    if (!anybody && !sweep) {
      return new Look(false, List.of(), List.of());
    }
    List<Long> asked = List.copyOf(reported);
    List<Orphan> found = processes.orphans(connection, asked);
    processes.markCrowded(connection, found.stream().filter(orphan -> !orphan.begun()).map(Orphan::processId).collect(Collectors.toSet()));
    processes.forget(connection, FORGOTTEN_AFTER_MS, found.stream().map(Orphan::processId).distinct().toList());
    return new Look(anybody, asked, found);
  }

  /** A living process whose row was lost registers again with its next renewal. Only one that has not done so within a lease is gone. */
  private List<Orphan> withoutYoungNameless(List<Orphan> orphans) {
    long now = System.nanoTime();
    Map<Claim, Long> since = new HashMap<>();
    List<Orphan> gone = new ArrayList<>();
    for (Orphan orphan : orphans) {
      long firstSeen = namelessSince.getOrDefault(orphan.step().claim(), now);
      if (!orphan.nameless() || now - firstSeen >= leaseNanos) {
        gone.add(orphan);
      } else {
        since.put(orphan.step().claim(), firstSeen);
      }
    }
    namelessSince = since;
    return gone;
  }

  private static Crash crash(HeldStep step, boolean counts) {
    return new Crash(step.stepId(), counts, counts && step.lastCrash() ? Outcomes.crashLimit(step.crashes() + 1) : null);
  }

  /** Takes the steps that are still held: somebody may have cancelled or resolved others meanwhile. */
  private Changes release(Connection connection, long taskId, List<Orphan> orphans) throws SQLException {
    if (tasks.lock(connection, taskId).isEmpty()) {
      return Changes.NONE;
    }
    List<ClaimedStep> interrupted = orphans.stream().filter(Orphan::inOrder).map(Orphan::step).toList();
    Changes changes = interrupted.isEmpty() ? Changes.NONE : transitions.giveBack(connection, interrupted, true);
    List<Orphan> crashed = orphans.stream().filter(orphan -> !orphan.inOrder()).toList();
    List<Long> stepIds = crashed.stream().map(orphan -> orphan.step().stepId()).toList();
    TreeSet<Long> holders = new TreeSet<>(crashed.stream().map(Orphan::processId).toList());
    Set<Long> begun = crashed.stream().filter(Orphan::begun).map(orphan -> orphan.step().stepId()).collect(Collectors.toSet());
    List<Crash> crashes = steps.held(connection, taskId, stepIds, holders).stream()
        .map(step -> crash(step, step.apart() || begun.contains(step.stepId())))
        .toList();
    return crashes.isEmpty() ? changes : changes.and(transitions.crash(connection, taskId, crashes));
  }
}
