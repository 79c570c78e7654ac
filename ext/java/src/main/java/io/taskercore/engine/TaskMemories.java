package io.taskercore.engine;

import io.taskercore.model.TaskState;
import io.taskercore.model.TaskerException;
import io.taskercore.store.Database;
import io.taskercore.store.TaskStore;
import io.taskercore.store.TaskStore.Found;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** The memories of the tasks that attempts are in flight for; others are made from the database. */
final class TaskMemories {

  /** A task's memory, and how the task stood when it was read. */
  record Recalled(TaskMemory memory, TaskState state) {}

  private final Database database;
  private final TemplateRegistry templates;
  private final TaskStore tasks = new TaskStore();
  private final Map<Long, TaskMemory> inUse = new ConcurrentHashMap<>();

  TaskMemories(Database database, TemplateRegistry templates) {
    this.database = database;
    this.templates = templates;
  }

  /** @throws TaskerException.TaskNotFound if there is none */
  Recalled recall(long taskId) {
    List<Recalled> recalled = read(List.of(taskId));
    if (recalled.isEmpty()) {
      throw new TaskerException.TaskNotFound(taskId);
    }
    return recalled.get(0);
  }

  /** The memories of these tasks, read where they are not in use. */
  Map<Long, TaskMemory> of(Collection<Long> taskIds) {
    Map<Long, TaskMemory> found = new HashMap<>();
    List<Long> unknown = new ArrayList<>();
    for (long taskId : taskIds) {
      TaskMemory known = inUse.get(taskId);
      if (known != null) {
        found.put(taskId, known);
      } else {
        unknown.add(taskId);
      }
    }
    if (!unknown.isEmpty()) {
      read(unknown).forEach(recalled -> found.put(recalled.memory().facts().taskId(), recalled.memory()));
    }
    return found;
  }

  private List<Recalled> read(List<Long> taskIds) {
    return database.call(connection -> {
      List<Recalled> recalled = new ArrayList<>(taskIds.size());
      for (Found found : tasks.find(connection, taskIds)) {
        var template = templates.get(connection, found.facts().templateId()).template();
        recalled.add(new Recalled(new TaskMemory(found.facts(), template), found.state()));
      }
      return recalled;
    });
  }

  /** An attempt begins to use the memory. */
  void use(TaskMemory memory) {
    inUse.compute(memory.facts().taskId(), (id, known) -> {
      memory.users++;
      return known == null ? memory : known;
    });
  }

  void leave(TaskMemory memory) {
    inUse.compute(memory.facts().taskId(), (id, known) -> {
      memory.users--;
      return known == memory && memory.users == 0 ? null : known;
    });
  }
}
