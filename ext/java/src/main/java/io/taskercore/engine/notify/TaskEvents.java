package io.taskercore.engine.notify;

import io.taskercore.engine.task.CachedTask;
import io.taskercore.engine.task.TaskCache;
import io.taskercore.event.CoreEvents;
import io.taskercore.event.Event;
import io.taskercore.event.EventPublisher;
import io.taskercore.event.Publication;
import io.taskercore.model.Json;
import io.taskercore.model.JsonWriter;
import io.taskercore.model.NewTask;
import io.taskercore.model.StepState;
import io.taskercore.model.TaskFacts;
import io.taskercore.model.TaskState;
import io.taskercore.model.Transition;
import io.taskercore.store.Changes;
import io.taskercore.store.TaskStore.Created;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes the events of tasks and steps from the answers of the statements that change them: one event for each entry of the transition
 * log, and one for each task that is created. A transaction that changes something begins a publication first. Once it is committed, its
 * changes are handed in here.
 */
public final class TaskEvents {

  private static final Logger LOG = LoggerFactory.getLogger(TaskEvents.class);

  private final EventPublisher publisher;
  private final TaskCache cache;

  public TaskEvents(EventPublisher publisher, TaskCache cache) {
    this.publisher = publisher;
    this.cache = cache;
  }

  EventPublisher publisher() {
    return publisher;
  }

  public Publication begin() {
    return publisher.begin();
  }

  public void initialized(Publication publication, List<NewTask> tasks, Created created) {
    publish(publication, 0, () -> ofCreated(tasks, created));
  }

  /** A task that was created and begun in one transaction. */
  public void begun(Publication publication, NewTask task, Created created, CachedTask begun) {
    publish(publication, created.claims().newestTransition(), () -> {
      List<Event> events = new ArrayList<>(ofCreated(List.of(task), created));
      events.addAll(ofChanges(created.claims().changes(), Map.of(begun.facts().taskId(), begun)));
      return events;
    });
  }

  private static List<Event> ofCreated(List<NewTask> tasks, Created created) {
    List<Event> events = new ArrayList<>(tasks.size());
    for (int i = 0; i < tasks.size(); i++) {
      NewTask task = tasks.get(i);
      events.add(new Event(
          CoreEvents.TASK_INITIALIZED, created.taskIds().get(i), null, task.name(), task.namespace(), null, null,
          TaskState.PENDING.value(), null, task.correlationId(), created.at(), Json.EMPTY_OBJECT));
    }
    return events;
  }

  /**
   * Publishes what a transaction has changed.
   *
   * @param known tasks that are at hand; the others are read
   */
  public void changed(Publication publication, Changes changes, Map<Long, CachedTask> known) {
    publish(publication, changes.newest(), () -> {
      Map<Long, CachedTask> tasks = new HashMap<>(known);
      List<Long> unknown = changes.taskIds().stream().filter(taskId -> !known.containsKey(taskId)).toList();
      if (!unknown.isEmpty()) {
        tasks.putAll(cache.stored(unknown));
      }
      return ofChanges(changes, tasks);
    });
  }

  /** What was committed stays committed: if its events cannot be made, they are lost. */
  private void publish(Publication publication, long order, Supplier<List<Event>> events) {
    if (publication.isHeard()) {
      try {
        publication.commit(order, events.get());
      } catch (RuntimeException failure) {
        LOG.warn("events: what a transaction did is not published: {}", failure.getMessage(), failure);
        publisher.lost();
      }
    }
  }

  private static List<Event> ofChanges(Changes changes, Map<Long, CachedTask> tasks) {
    return changes.transitions().stream()
        .filter(change -> tasks.containsKey(change.taskId()))
        .map(change -> of(change, tasks.get(change.taskId()), changes.at()))
        .filter(Objects::nonNull)
        .toList();
  }

  /** Null if there is no event for this change. */
  private static Event of(Transition change, CachedTask task, Instant at) {
    if (change.stepId() == null) {
      return ofTask(task.facts(), change.from(), TaskState.of(change.to()), at, data(change));
    }
    StepState to = StepState.of(change.to());
    return CoreEvents.ofStep(to) == null
        ? null
        : ofStep(
            task.facts(), change.stepId(), task.stepName(change.stepId()), change.from(), to, change.attempt(), at, data(change));
  }

  private static Json data(Transition change) {
    if (change.reason() == null && change.nextRunAt() == null) {
      return Json.EMPTY_OBJECT;
    }
    return JsonWriter.object(out -> {
      out.put("reason", change.reason());
      if (change.nextRunAt() != null) {
        out.put("next_run_at", change.nextRunAt());
      }
    });
  }

  private static Event ofTask(TaskFacts task, String from, TaskState to, Instant at, Json data) {
    return new Event(
        CoreEvents.ofTask(to), task.taskId(), null, task.name(), task.namespace(), null, from, to.value(), null,
        task.correlationId(), at, data);
  }

  private static Event ofStep(
      TaskFacts task, long stepId, String stepName, String from, StepState to, Integer attempt, Instant at, Json data) {
    return new Event(
        CoreEvents.ofStep(to), task.taskId(), stepId, task.name(), task.namespace(), stepName, from, to.value(), attempt,
        task.correlationId(), at, data);
  }
}
