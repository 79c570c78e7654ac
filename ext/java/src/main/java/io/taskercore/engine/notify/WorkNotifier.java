package io.taskercore.engine.notify;

import io.taskercore.config.ConnectionMode;
import io.taskercore.engine.clock.Timers;
import io.taskercore.store.Changes.Ended;
import io.taskercore.store.Database;
import io.taskercore.store.Database.Watch;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Supplier;
import javax.sql.DataSource;

/**
 * Tells who needs to know about work and news: those who work on a task, the workers of this process, and other processes, by an
 * announcement. It hears other processes' announcements for as long as there is a worker. Behind a pooler nobody can listen, but
 * processes that are not behind it hear what is announced.
 */
public final class WorkNotifier implements AutoCloseable {

  private final DataSource connections;
  private final Supplier<ConnectionMode> mode;
  private final Announcer announcer;
  private final Map<Long, Set<TaskListener>> tasks = new ConcurrentHashMap<>();
  private final Set<WorkListener> workers = ConcurrentHashMap.newKeySet();
  private final AtomicBoolean polling = new AtomicBoolean();
  private final Timers timers;
  private final Watch watch;
  private Listener listener;

  /** @param connections makes connections that belong to no pool */
  public WorkNotifier(Database database, DataSource connections, Supplier<ConnectionMode> mode, Timers timers, Watch watch) {
    this.watch = watch;
    this.timers = timers;
    this.connections = connections;
    this.mode = mode;
    this.announcer = new Announcer(database);
  }

  /** How this process is connected. */
  public ConnectionMode mode() {
    return mode.get();
  }

  public void add(WorkListener worker) {
    synchronized (workers) {
      workers.add(worker);
      if (listener == null && mode.get() == ConnectionMode.DIRECT) {
        listener = new Listener(connections, this::wakeWorkers, watch);
        listener.start();
      }
    }
  }

  public void remove(WorkListener worker) {
    Listener unused = null;
    synchronized (workers) {
      workers.remove(worker);
      if (workers.isEmpty()) {
        unused = takeListener();
      }
    }
    close(unused);
  }

  /** Stops listening to others' announcements, because they can no longer be heard. */
  public void stopListening() {
    Listener unused;
    synchronized (workers) {
      unused = takeListener();
    }
    close(unused);
  }

  private Listener takeListener() {
    Listener taken = listener;
    listener = null;
    return taken;
  }

  private static void close(Listener unused) {
    if (unused != null) {
      unused.close();
    }
  }

  public void add(TaskListener worksOn) {
    tasks.compute(worksOn.taskId(), (id, some) -> {
      Set<TaskListener> ofTask = some == null ? ConcurrentHashMap.newKeySet() : some;
      ofTask.add(worksOn);
      return ofTask;
    });
  }

  public void remove(TaskListener worksOn) {
    tasks.computeIfPresent(worksOn.taskId(), (id, some) -> some.remove(worksOn) && some.isEmpty() ? null : some);
  }

  /** While anybody works on a task, each of them looks for itself after this many milliseconds. One timer serves all of them. */
  public void pollTasks(long afterMs) {
    if (polling.compareAndSet(false, true)) {
      timers.in(afterMs, () -> {
        polling.set(false);
        tasks.values().forEach(some -> some.forEach(TaskListener::poll));
        if (!tasks.isEmpty()) {
          pollTasks(afterMs);
        }
      });
    }
  }

  /** There are steps in the queue that nobody here was given. */
  public void workCame() {
    wakeWorkers();
    announcer.workCame();
  }

  /** Makes the workers of this process look at the queue: for work, and for when the next step is due. */
  public void wakeWorkers() {
    workers.forEach(WorkListener::signal);
  }

  /** There may be something to do in the task, or nothing any more. */
  public void workIn(long taskId) {
    listenersOf(taskId).forEach(TaskListener::signal);
  }

  /** A task has ended by a change that was committed here. */
  public void ended(Ended task) {
    listenersOf(task.taskId()).forEach(listener -> listener.taskEnded(task));
  }

  /** A test has moved the clock: what was not due before may be due now. */
  public void timeMoved() {
    tasks.values().forEach(some -> some.forEach(TaskListener::signal));
    wakeWorkers();
  }

  private Set<TaskListener> listenersOf(long taskId) {
    return tasks.getOrDefault(taskId, Set.of());
  }

  public int workers() {
    return workers.size();
  }

  /** Null if there is none, because nobody needs it. */
  public Boolean listenerConnected() {
    synchronized (workers) {
      return listener == null ? null : listener.isConnected();
    }
  }

  @Override
  public void close() {
    announcer.close();
  }
}
