package io.taskercore.engine.housekeeping;

import io.taskercore.engine.notify.TaskEvents;
import io.taskercore.engine.record.AfterCommit;
import io.taskercore.engine.record.AfterCommit.Plain;
import io.taskercore.event.Publication;
import io.taskercore.metrics.EngineMetrics;
import io.taskercore.model.ClaimedStep.Claim;
import io.taskercore.model.TaskerException;
import io.taskercore.store.Audit;
import io.taskercore.store.Audit.Bounds;
import io.taskercore.store.Audit.Held;
import io.taskercore.store.Audit.Look;
import io.taskercore.store.Changes;
import io.taskercore.store.Database;
import io.taskercore.store.TaskStore;
import io.taskercore.store.Transitions;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;

/**
 * Goes round the tasks that have not ended, a batch at a time, and corrects what disagrees with a recount of their steps: the counters
 * that decide when steps become ready and tasks end, and the queue. There should be nothing to do, so it logs loudly what it does.
 *
 * <p>What it finds without a lock it checks again under the task's lock. Only what is wrong then is changed.
 */
public final class Sweeper {

  private static final Logger LOG = LoggerFactory.getLogger(Sweeper.class);

  /** A round reads no more than this, however much there is. */
  private static final Bounds BOUNDS = new Bounds(500, 5_000);

  private final Database database;
  private final TaskEvents events;
  private final AfterCommit afterCommit;
  private final EngineMetrics metrics;
  private final LongSupplier processId;
  private final Consumer<Set<Long>> orphaned;
  private final Consumer<List<Claim>> ours;
  private final Audit audit = new Audit();
  private final TaskStore tasks = new TaskStore();
  private final Transitions transitions = new Transitions();
  private long lastTask;
  private long lastQueued;

  /**
   * @param processId this process's
   * @param orphaned hears of tasks of which a step is in progress that nobody holds who lives
   * @param ours hears of what this process has held for long, as the database has it
   */
  public Sweeper(
      Database database,
      TaskEvents events,
      AfterCommit afterCommit,
      EngineMetrics metrics,
      LongSupplier processId,
      Consumer<Set<Long>> orphaned,
      Consumer<List<Claim>> ours) {
    this.database = database;
    this.events = events;
    this.afterCommit = afterCommit;
    this.metrics = metrics;
    this.processId = processId;
    this.orphaned = orphaned;
    this.ours = ours;
  }

  public void round() {
    Look unended = database.call(connection -> audit.unended(connection, lastTask, BOUNDS));
    lookAtHolders();
    Look queued = database.call(connection -> audit.queueOfEnded(connection, lastQueued, BOUNDS));
    TreeSet<Long> suspects = new TreeSet<>(unended.taskIds());
    suspects.addAll(queued.taskIds());
    suspects.forEach(this::heal);
    lastTask = unended.last() == null ? 0 : unended.last();
    lastQueued = queued.last() == null ? 0 : queued.last();
  }

  private void lookAtHolders() {
    Held held = database.call(connection -> audit.held(connection, processId.getAsLong(), lastTask, BOUNDS));
    orphaned.accept(held.orphaned());
    ours.accept(held.ours());
  }

  /**
   * What was corrected in a task.
   *
   * @param what in words; empty if nothing was wrong any more
   */
  private record Healed(List<String> what, Changes changes) {}

  /** Each task has a transaction of its own, so that none waits for another's. A locked task is left for a later round. */
  private void heal(long taskId) {
    Healed healed;
    try (Publication publication = events.begin()) {
      healed = database.impatientTransaction(connection -> heal(connection, taskId));
      afterCommit.apply(publication, healed.changes(), new Plain(metrics));
    } catch (TaskerException.Database failure) {
      if (failure.isOutage()) {
        throw failure;
      }
      // One task that cannot be put right must not keep the others from it.
      LOG.atLevel(failure.isLocked() ? Level.INFO : Level.ERROR)
          .log("sweeper: task {} is left for a later round: {}", taskId, failure.getMessage());
      return;
    }
    if (!healed.what().isEmpty()) {
      LOG.error(
          "sweeper: task {} disagreed with its steps and was put right: {}. That is a fault of the engine's, or somebody has written "
              + "to its tables", taskId, String.join(", ", healed.what()));
      metrics.healed();
    }
  }

  private Healed heal(Connection connection, long taskId) throws SQLException {
    List<String> what = new ArrayList<>();
    boolean isThere = tasks.lock(connection, taskId).isPresent();
    audit.lockQueue(connection, taskId);
    if (!isThere) {
      add(what, audit.removeStrays(connection, taskId), "queue rows of a task that is not there");
      return new Healed(what, Changes.NONE);
    }
    add(what, audit.recountParents(connection, taskId), "steps waited for another number of parents");
    add(what, audit.removeStrays(connection, taskId), "stray queue rows");
    add(what, audit.queueMissing(connection, taskId), "queue rows were missing");
    String counters = audit.recountTask(connection, taskId);
    if (counters != null) {
      what.add(counters);
    }
    Changes changes = transitions.heal(connection, taskId);
    add(what, changes.transitions().size(), "changes of state were due");
    return new Healed(what, changes);
  }

  private static void add(List<String> what, int count, String kind) {
    if (count > 0) {
      what.add(count + " " + kind);
    }
  }
}
