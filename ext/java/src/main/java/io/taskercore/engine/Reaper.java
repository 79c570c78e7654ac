package io.taskercore.engine;

import io.taskercore.engine.FailFast.Applied;
import io.taskercore.event.Publication;
import io.taskercore.model.TaskerException;
import io.taskercore.model.Transition;
import io.taskercore.store.Database;
import io.taskercore.store.ProcessStore;
import io.taskercore.store.ProcessStore.Orphan;
import io.taskercore.store.StepChanges;
import io.taskercore.store.StepChanges.LockedStep;
import io.taskercore.store.StepOutcomes.Ended;
import io.taskercore.store.TaskStore;
import io.taskercore.store.TaskStore.LockedTask;
import io.taskercore.store.TaskStore.Settled;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
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
final class Reaper {

  private static final Logger LOG = LoggerFactory.getLogger(Reaper.class);

  /** So many leases apart it looks for claims of processes that have no row, which no lease can tell of. */
  private static final long LEASES_PER_SWEEP = 10;

  private final CoreRuntime runtime;
  private final Database database;
  private final ProcessLease lease;
  private final ProcessStore processes = new ProcessStore();
  private final TaskStore tasks = new TaskStore();
  private final FailFast failFast = new FailFast();
  private final StepChanges changes = new StepChanges();
  private final AtomicBoolean sweepWanted = new AtomicBoolean();
  private final long sweepMs;
  private long sweptNanos;

  Reaper(CoreRuntime runtime, Database database, ProcessLease lease) {
    this.runtime = runtime;
    this.database = database;
    this.lease = lease;
    this.sweepMs = LEASES_PER_SWEEP * lease.leaseMs();
    this.sweptNanos = System.nanoTime() - TimeUnit.MILLISECONDS.toNanos(sweepMs);
  }

  /** There are claims of a process that has no row any more: the next round is to look for them. */
  void wantSweep() {
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

  void round() {
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
    List<Reaped> reaped;
    try (Publication publication = runtime.events().begin()) {
      reaped = release(sweep);
      runtime.events().changed(publication, reaped.stream().flatMap(task -> task.log().stream()).toList());
    }
    for (Reaped task : reaped) {
      runtime.metrics().crashed(task.crashes());
      task.ended().forEach(ended -> runtime.metrics().taskEnded(ended.state(), ended.afterMs(), System.nanoTime()));
      runtime.signals().changed(task.taskId());
    }
  }

  /** A task of which steps were taken from dead processes. */
  private record Reaped(long taskId, int crashes, List<Ended> ended, List<Transition> log) {}

  private List<Reaped> release(boolean sweep) {
    // Mostly there is none, which one statement tells; a transaction takes three.
    if (!sweep && database.call(this::lapsed).isEmpty()) {
      return List.of();
    }
    return database.transaction(connection -> {
      List<Long> dead = lapsed(connection);
      processes.remove(connection, dead);
      List<Orphan> orphans = processes.orphans(connection);
      if (!orphans.isEmpty()) {
        LOG.warn("reaper: {} steps were held by processes that are gone and may run again", orphans.size());
      }
      return release(connection, orphans);
    });
  }

  private List<Long> lapsed(Connection connection) throws SQLException {
    return processes.lapsed(connection, lease.processId(), lease.leaseMs(), lease.patienceMs());
  }

  private List<Reaped> release(Connection connection, List<Orphan> orphans) throws SQLException {
    Map<Long, List<Orphan>> byTask = new TreeMap<>();
    orphans.forEach(orphan -> byTask.computeIfAbsent(orphan.taskId(), id -> new ArrayList<>()).add(orphan));
    List<Reaped> reaped = new ArrayList<>();
    for (Map.Entry<Long, List<Orphan>> task : byTask.entrySet()) {
      Optional<LockedTask> locked = tasks.lock(connection, task.getKey());
      if (locked.isPresent()) {
        reaped.add(release(connection, locked.get(), task.getValue()));
      }
    }
    return reaped;
  }

  private Reaped release(Connection connection, LockedTask task, List<Orphan> orphans) throws SQLException {
    List<Long> stepIds = orphans.stream().map(Orphan::stepId).toList();
    TreeSet<Long> holders = new TreeSet<>(orphans.stream().map(Orphan::processId).toList());
    List<Transition> log = new ArrayList<>();
    for (LockedStep step : changes.stillHeld(connection, task.taskId(), stepIds, List.copyOf(holders))) {
      log.add(changes.crashed(connection, step));
    }
    int crashes = log.size();
    if (crashes == 0) {
      // Somebody has cancelled or resolved them meanwhile, and with that settled the task.
      return new Reaped(task.taskId(), 0, List.of(), log);
    }
    Settled settled = tasks.settle(connection, task, null, null);
    log.addAll(settled.log());
    List<Ended> ended = new ArrayList<>();
    if (settled.hasEnded()) {
      ended.add(new Ended(task.taskId(), settled.state(), settled.afterMs()));
    }
    if (task.failFast()) {
      Applied applied = failFast.apply(connection, List.of(task.taskId()));
      log.addAll(applied.log());
      ended.addAll(applied.ended());
    }
    return new Reaped(task.taskId(), crashes, ended, log);
  }
}
