package io.taskercore.engine.housekeeping;

import io.taskercore.engine.attempt.Outcomes;
import io.taskercore.engine.notify.TaskEvents;
import io.taskercore.engine.record.AfterCommit;
import io.taskercore.engine.record.AfterCommit.Plain;
import io.taskercore.event.Publication;
import io.taskercore.metrics.EngineMetrics;
import io.taskercore.model.StepState;
import io.taskercore.model.TaskerException;
import io.taskercore.store.Changes;
import io.taskercore.store.Database;
import io.taskercore.store.ProcessStore;
import io.taskercore.store.ProcessStore.Orphan;
import io.taskercore.store.StepStore;
import io.taskercore.store.TaskStore;
import io.taskercore.store.Transitions;
import io.taskercore.store.Transitions.Crash;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Takes the claims of dead processes, so that their steps run elsewhere; as long as this process's own lease tells that lapsed
 * ones mean something.
 */
public final class Reaper {

  private static final Logger LOG = LoggerFactory.getLogger(Reaper.class);

  /** So many leases apart it looks for claims of processes that have no row, which no lease can tell of. */
  private static final long LEASES_PER_SWEEP = 10;

  private final Database database;
  private final TaskEvents events;
  private final AfterCommit afterCommit;
  private final EngineMetrics metrics;
  private final ProcessLease lease;
  private final ProcessStore processes = new ProcessStore();
  private final TaskStore tasks = new TaskStore();
  private final StepStore steps = new StepStore();
  private final Transitions transitions = new Transitions();
  private final AtomicBoolean sweepWanted = new AtomicBoolean();
  private final long sweepMs;
  private long sweptNanos;

  public Reaper(Database database, TaskEvents events, AfterCommit afterCommit, EngineMetrics metrics, ProcessLease lease) {
    this.database = database;
    this.events = events;
    this.afterCommit = afterCommit;
    this.metrics = metrics;
    this.lease = lease;
    this.sweepMs = LEASES_PER_SWEEP * lease.leaseMs();
    this.sweptNanos = System.nanoTime() - TimeUnit.MILLISECONDS.toNanos(sweepMs);
  }

  /** There are claims of a process that has no row any more: the next round is to look for them. */
  public void wantSweep() {
    sweepWanted.set(true);
  }

  /** Until the next sweep is due, unless a renewal finds a lease that has lapsed and brings the round forward. */
  long untilNextRoundMs() {
    long soon = lease.leaseMs() / 3;
    return sweepWanted.get() ? soon : Math.max(soon, sweepMs - sweptMsAgo());
  }

  private long sweptMsAgo() {
    return TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - sweptNanos);
  }

  public void round() {
    if (!lease.isCurrent()) {
      return;
    }
    boolean sweep = sweepWanted.getAndSet(false) || sweptMsAgo() >= sweepMs;
    try {
      reap(sweep);
    } catch (TaskerException.Database failure) {
      lease.troubled();
      sweepWanted.compareAndSet(false, sweep);
      throw failure;
    }
    if (sweep) {
      sweptNanos = System.nanoTime();
    }
  }

  private void reap(boolean sweep) {
    // Mostly there is none, which one statement tells; a transaction takes three.
    if (!sweep && database.call(this::lapsed).isEmpty()) {
      return;
    }
    try (Publication publication = events.begin()) {
      Changes changes = database.transaction(this::release);
      afterCommit.apply(publication, changes, new Plain(metrics));
      metrics.crashed(crashesIn(changes));
    }
  }

  private static int crashesIn(Changes changes) {
    return (int) changes.transitions().stream()
        .filter(change -> change.stepId() != null && change.from().equals(StepState.IN_PROGRESS.value()))
        .count();
  }

  private Changes release(Connection connection) throws SQLException {
    processes.remove(connection, lapsed(connection));
    List<Orphan> orphans = processes.orphans(connection);
    if (!orphans.isEmpty()) {
      LOG.warn("reaper: {} steps were held by processes that are gone and may run again", orphans.size());
    }
    Map<Long, List<Orphan>> byTask = new TreeMap<>();
    orphans.forEach(orphan -> byTask.computeIfAbsent(orphan.taskId(), id -> new ArrayList<>()).add(orphan));
    Changes changes = Changes.NONE;
    for (Map.Entry<Long, List<Orphan>> task : byTask.entrySet()) {
      if (tasks.lock(connection, task.getKey()).isPresent()) {
        changes = changes.and(release(connection, task.getKey(), task.getValue()));
      }
    }
    return changes;
  }

  private List<Long> lapsed(Connection connection) throws SQLException {
    return processes.lapsed(connection, lease.processId(), lease.leaseMs(), lease.patienceMs());
  }

  /** Those that are still held: somebody may have cancelled or resolved others meanwhile. */
  private Changes release(Connection connection, long taskId, List<Orphan> orphans) throws SQLException {
    List<Long> stepIds = orphans.stream().map(Orphan::stepId).toList();
    TreeSet<Long> holders = new TreeSet<>(orphans.stream().map(Orphan::processId).toList());
    List<Crash> crashes = steps.held(connection, taskId, stepIds, holders).stream()
        .map(step -> new Crash(step.stepId(), step.lastCrash() ? Outcomes.crashLimit(step.crashes() + 1) : null))
        .toList();
    return crashes.isEmpty() ? Changes.NONE : transitions.crash(connection, taskId, crashes);
  }
}
