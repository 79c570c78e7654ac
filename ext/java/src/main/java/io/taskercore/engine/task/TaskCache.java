package io.taskercore.engine.task;

import io.taskercore.model.Json;
import io.taskercore.model.TaskState;
import io.taskercore.model.TaskerException;
import io.taskercore.store.Database;
import io.taskercore.store.StepStore;
import io.taskercore.store.TaskStore;
import io.taskercore.store.TaskStore.Found;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** The tasks that have attempts in flight; others are read from the database. */
public final class TaskCache {

  /** A task, and its state when it was read. */
  public record Snapshot(CachedTask task, TaskState state) {}

  private final Database database;
  private final TemplateRegistry templates;
  private final TaskStore tasks = new TaskStore();
  private final StepStore steps = new StepStore();
  private final Map<Long, CachedTask> inUse = new ConcurrentHashMap<>();

  public TaskCache(Database database, TemplateRegistry templates) {
    this.database = database;
    this.templates = templates;
  }

  /** @throws TaskerException.TaskNotFound if there is none */
  public Snapshot find(long taskId) {
    List<Snapshot> snapshots = read(List.of(taskId));
    if (snapshots.isEmpty()) {
      throw new TaskerException.TaskNotFound(taskId);
    }
    return snapshots.get(0);
  }

  /**
   * Finds these tasks; those that are not in use are read.
   *
   * @param createdAt when each was created, by its id: an id alone may mean another task than the one in use
   */
  public Map<Long, CachedTask> of(Map<Long, Instant> createdAt) {
    Map<Long, CachedTask> found = new HashMap<>();
    List<Long> unknown = new ArrayList<>();
    createdAt.forEach((taskId, at) -> {
      CachedTask known = inUse.get(taskId);
      if (known != null && known.facts().createdAt().equals(at)) {
        found.put(taskId, known);
      } else {
        unknown.add(taskId);
      }
    });
    if (!unknown.isEmpty()) {
      found.putAll(stored(unknown));
    }
    return found;
  }

  /** Those of the tasks that exist, as the database has them. */
  public Map<Long, CachedTask> stored(Collection<Long> taskIds) {
    Map<Long, CachedTask> found = new HashMap<>();
    read(List.copyOf(taskIds)).forEach(snapshot -> found.put(snapshot.task().facts().taskId(), snapshot.task()));
    return found;
  }

  private List<Snapshot> read(List<Long> taskIds) {
    return database.call(connection -> {
      List<Snapshot> snapshots = new ArrayList<>(taskIds.size());
      for (Found found : tasks.find(connection, taskIds)) {
        var template = templates.get(connection, found.facts().template()).template();
        snapshots.add(new Snapshot(new CachedTask(found.facts(), template), found.state()));
      }
      return snapshots;
    });
  }

  /** The result of a step that has ended; {@code {}} for a step without one. */
  public Json resultOf(CachedTask task, long stepId) {
    return task.resultOf(stepId).orElseGet(() -> {
      Json stored = database.call(connection -> steps.results(connection, List.of(stepId))).getOrDefault(stepId, Json.EMPTY_OBJECT);
      task.remember(stepId, stored);
      return stored;
    });
  }

  /** An attempt, or a hand-over, begins to use the task. */
  public void retain(CachedTask task) {
    inUse.compute(task.facts().taskId(), (id, known) -> {
      CachedTask used = known == null ? task : known;
      used.users++;
      return used;
    });
  }

  /** An attempt, or a hand-over, no longer uses the task. */
  public void release(CachedTask task) {
    inUse.computeIfPresent(task.facts().taskId(), (id, known) -> {
      known.users--;
      return known.users == 0 ? null : known;
    });
  }

  /** The tasks that are in use. It misses none that is in use from the call's beginning to its end. The set is the caller's. */
  public Set<Long> inUse() {
    return new HashSet<>(inUse.keySet());
  }
}
