package io.taskercore.engine;

import io.taskercore.config.ConnectionMode;
import io.taskercore.store.Database;
import io.taskercore.store.Changes.Ended;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import javax.sql.DataSource;

/**
 * Who is told of work and of news: the runs of a task, the workers of this process, and those of others by one announcement. A
 * listener hears the others' announcements for as long as a worker is there; behind a pooler nobody can listen, but those who
 * are not behind it hear what is announced.
 */
final class Signals implements AutoCloseable {

  private final DataSource connections;
  private final ConnectionMode mode;
  private final Announcer announcer;
  private final Map<Long, Set<TaskRun>> runs = new ConcurrentHashMap<>();
  private final Set<Worker> workers = ConcurrentHashMap.newKeySet();
  private final AtomicBoolean polling = new AtomicBoolean();
  private final Timers timers;
  private Listener listener;

  /** @param connections makes connections that belong to no pool */
  Signals(Database database, DataSource connections, ConnectionMode mode, Timers timers) {
    this.timers = timers;
    this.connections = connections;
    this.mode = mode;
    this.announcer = new Announcer(database);
  }

  void add(Worker worker) {
    synchronized (workers) {
      workers.add(worker);
      if (listener == null && mode == ConnectionMode.DIRECT) {
        listener = new Listener(connections, this::wakeWorkers);
      }
    }
  }

  void remove(Worker worker) {
    Listener unused = null;
    synchronized (workers) {
      workers.remove(worker);
      if (workers.isEmpty()) {
        unused = listener;
        listener = null;
      }
    }
    if (unused != null) {
      unused.close();
    }
  }

  void add(TaskRun run) {
    runs.compute(run.taskId(), (id, some) -> {
      Set<TaskRun> ofTask = some == null ? ConcurrentHashMap.newKeySet() : some;
      ofTask.add(run);
      return ofTask;
    });
  }

  void remove(TaskRun run) {
    runs.computeIfPresent(run.taskId(), (id, some) -> some.remove(run) && some.isEmpty() ? null : some);
  }

  /** As long as there are runs, each looks for itself after so many milliseconds: one timer is set for all of them. */
  void pollRuns(long afterMs) {
    if (polling.compareAndSet(false, true)) {
      timers.in(afterMs, () -> {
        polling.set(false);
        runs.values().forEach(some -> some.forEach(TaskRun::poll));
        if (!runs.isEmpty()) {
          pollRuns(afterMs);
        }
      });
    }
  }

  /** There are steps in the queue that nobody here was given. */
  void workCame() {
    wakeWorkers();
    announcer.workCame();
  }

  /** Workers of this process look at the queue: for what there is, and for when the next step is due. */
  void wakeWorkers() {
    workers.forEach(Worker::signal);
  }

  /** There may be something to do in the task, or nothing any more. */
  void workIn(long taskId) {
    runsOf(taskId).forEach(TaskRun::signal);
  }

  /** A task has ended by what was committed here. */
  void ended(Ended task) {
    runsOf(task.taskId()).forEach(run -> run.taskEnded(task.state()));
  }

  /** A test has moved the clock: what nobody waited for may be due. */
  void timeMoved() {
    runs.values().forEach(some -> some.forEach(TaskRun::signal));
    wakeWorkers();
  }

  private Set<TaskRun> runsOf(long taskId) {
    return runs.getOrDefault(taskId, Set.of());
  }

  int workers() {
    return workers.size();
  }

  /** Null: there is none, for nobody needs it. */
  Boolean listenerConnected() {
    synchronized (workers) {
      return listener == null ? null : listener.isConnected();
    }
  }

  @Override
  public void close() {
    announcer.close();
  }
}
