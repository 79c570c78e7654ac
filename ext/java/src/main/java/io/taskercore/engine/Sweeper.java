package io.taskercore.engine;

import io.taskercore.engine.FailFast.Applied;
import io.taskercore.event.Publication;
import io.taskercore.model.Format;
import io.taskercore.model.StepState;
import io.taskercore.model.TaskState;
import io.taskercore.model.Transition;
import io.taskercore.store.Audit;
import io.taskercore.store.Audit.Bounds;
import io.taskercore.store.Audit.Look;
import io.taskercore.store.Database;
import io.taskercore.store.StepOutcomes.Ended;
import io.taskercore.store.StepStore;
import io.taskercore.store.TaskStore;
import io.taskercore.store.TaskStore.LockedTask;
import io.taskercore.store.TaskStore.Settled;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.TreeSet;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Goes round the tasks that have not ended, a batch at a time, and puts right what disagrees with a recount of their steps: the
 * counters by which steps become ready and tasks end, and the queue. There should be nothing to do. So it says loudly what it does.
 *
 * <p>What it finds without a lock it looks at again under the task's: only what is wrong then is changed.
 */
final class Sweeper {

  private static final Logger LOG = LoggerFactory.getLogger(Sweeper.class);

  /** A round reads no more than this, however much there is. */
  private static final Bounds BOUNDS = new Bounds(500, 5_000);

  private static final List<StepState> UNSTARTED =
      List.of(StepState.PENDING, StepState.ENQUEUED, StepState.WAITING_FOR_RETRY);

  private final CoreRuntime runtime;
  private final Database database;
  private final Audit audit = new Audit();
  private final TaskStore tasks = new TaskStore();
  private final StepStore steps = new StepStore();
  private final FailFast failFast = new FailFast();
  private long lastTask;
  private long lastQueued;

  Sweeper(CoreRuntime runtime, Database database) {
    this.runtime = runtime;
    this.database = database;
  }

  void round() {
    Look unended = database.call(connection -> audit.unended(connection, lastTask, BOUNDS));
    Look queued = database.call(connection -> audit.queueOfEnded(connection, lastQueued, BOUNDS));
    TreeSet<Long> suspects = new TreeSet<>(unended.taskIds());
    suspects.addAll(queued.taskIds());
    suspects.forEach(this::heal);
    lastTask = unended.last() == null ? 0 : unended.last();
    lastQueued = queued.last() == null ? 0 : queued.last();
  }

  /**
   * What was put right in a task.
   *
   * @param what in words; empty: nothing was wrong any more
   */
  private record Healed(List<String> what, List<Ended> ended, List<Transition> log) {

    static Healed nothing() {
      return new Healed(new ArrayList<>(), new ArrayList<>(), new ArrayList<>());
    }

    void add(int count, String kind) {
      if (count > 0) {
        what.add(count + " " + kind);
      }
    }
  }

  /** Each task in a transaction of its own, so that none waits for another's. */
  private void heal(long taskId) {
    Healed healed;
    try (Publication publication = runtime.events().begin()) {
      healed = database.transaction(connection -> heal(connection, taskId));
      runtime.events().changed(publication, healed.log());
    }
    if (healed.what().isEmpty()) {
      return;
    }
    LOG.error(
        "sweeper: task {} disagreed with its steps and was put right: {}. That is a fault of the engine's, or somebody has written "
            + "to its tables", taskId, String.join(", ", healed.what()));
    runtime.metrics().healed();
    healed.ended().forEach(
        ended -> runtime.metrics().taskEnded(ended.state(), ended.afterMs(), System.nanoTime()));
    runtime.signals().changed(taskId);
  }

  private Healed heal(Connection connection, long taskId) throws SQLException {
    Healed healed = Healed.nothing();
    Optional<LockedTask> locked = tasks.lock(connection, taskId);
    audit.lockQueue(connection, taskId);
    if (locked.isEmpty()) {
      healed.add(audit.removeStrays(connection, taskId), "queue rows of a task that is not there");
    } else if (locked.get().state().ended() && locked.get().state() != TaskState.ERROR) {
      closeEnded(connection, locked.get(), healed);
    } else {
      recount(connection, locked.get(), healed);
    }
    return healed;
  }

  /** Its end stands, and what it still had to do is not done: nothing but a person's decision brings such a task back. */
  private void closeEnded(Connection connection, LockedTask task, Healed healed) throws SQLException {
    healed.add(audit.removeStrays(connection, task.taskId()), "stray queue rows");
    List<Transition> cancelled = steps.cancel(connection, task.taskId(), UNSTARTED, "sweep");
    healed.log().addAll(cancelled);
    healed.add(cancelled.size(), "steps were unfinished in a task that is " + task.state().wire() + ", and are cancelled");
    settle(connection, task, healed);
  }

  private void recount(Connection connection, LockedTask task, Healed healed) throws SQLException {
    long taskId = task.taskId();
    healed.add(audit.recountParents(connection, taskId, healed.log()), "steps waited for another number of parents");
    healed.add(audit.removeStrays(connection, taskId), "stray queue rows");
    healed.add(audit.queueMissing(connection, taskId) - healed.log().size(), "queue rows were missing");
    settle(connection, task, healed);
    if (task.failFast()) {
      Applied applied = failFast.apply(connection, List.of(taskId));
      healed.log().addAll(applied.log());
      healed.ended().addAll(applied.ended());
    }
  }

  private void settle(Connection connection, LockedTask task, Healed healed) throws SQLException {
    Settled settled = tasks.settle(connection, task, null, "sweep");
    LockedTask now = tasks.lock(connection, task.taskId()).orElseThrow();
    healed.log().addAll(settled.log());
    if (settled.hasEnded()) {
      healed.ended().add(new Ended(task.taskId(), settled.state(), settled.afterMs()));
    }
    if (now.activeSteps() != task.activeSteps() || now.failedSteps() != task.failedSteps()) {
      healed.what().add(Format.text("active_steps %d instead of %d, failed_steps %d instead of %d",
          task.activeSteps(), now.activeSteps(), task.failedSteps(), now.failedSteps()));
    }
  }
}
