package io.taskercore.engine;

import io.taskercore.event.CoreEvents;
import io.taskercore.event.Event;
import io.taskercore.event.EventPublisher;
import io.taskercore.event.Publication;
import io.taskercore.model.ClaimedStep;
import io.taskercore.model.Json;
import io.taskercore.model.JsonWriter;
import io.taskercore.model.NewTask;
import io.taskercore.model.StepOutcome;
import io.taskercore.model.StepState;
import io.taskercore.model.TaskFacts;
import io.taskercore.model.TaskState;
import io.taskercore.model.Transition;
import io.taskercore.store.StepClaims.Claims;
import io.taskercore.store.StepClaims.Taken;
import io.taskercore.store.StepOutcomes.Ended;
import io.taskercore.store.StepOutcomes.Recorded;
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
 * The events of tasks and steps, made of what the statements return that change them; one for each entry of the transition log,
 * and one for each task that is created. A transaction that changes something begins a publication first, and hands in here what
 * it has done once it is committed.
 */
final class TaskEvents {

  private static final Logger LOG = LoggerFactory.getLogger(TaskEvents.class);

  private final EventPublisher publisher;
  private final TaskMemories memories;

  TaskEvents(EventPublisher publisher, TaskMemories memories) {
    this.publisher = publisher;
    this.memories = memories;
  }

  EventPublisher publisher() {
    return publisher;
  }

  Publication begin() {
    return publisher.begin();
  }

  void initialized(Publication publication, List<NewTask> tasks, Created created) {
    publish(publication, 0, () -> ofCreated(tasks, created));
  }

  /** A task that was created and begun in one transaction. */
  void begun(Publication publication, NewTask task, Created created, TaskMemory memory) {
    publish(publication, created.claims().newestTransition(), () -> {
      List<Event> events = new ArrayList<>(ofCreated(List.of(task), created));
      events.addAll(ofClaims(created.claims(), Map.of(memory.facts().taskId(), memory)));
      return events;
    });
  }

  private static List<Event> ofCreated(List<NewTask> tasks, Created created) {
    List<Event> events = new ArrayList<>(tasks.size());
    for (int i = 0; i < tasks.size(); i++) {
      NewTask task = tasks.get(i);
      events.add(new Event(
          CoreEvents.TASK_INITIALIZED, created.taskIds().get(i), null, task.name(), task.namespace(), null, null,
          TaskState.PENDING.wire(), null, task.correlationId(), created.at(), Json.EMPTY_OBJECT));
    }
    return events;
  }

  void claimed(Publication publication, Claims claims, Map<Long, TaskMemory> tasks) {
    publish(publication, claims.newestTransition(), () -> ofClaims(claims, tasks));
  }

  private static List<Event> ofClaims(Claims claims, Map<Long, TaskMemory> tasks) {
    List<Event> events = new ArrayList<>(claims.taken().size() + 1);
    Map<Long, TaskFacts> begun = new HashMap<>();
    for (Taken taken : claims.taken()) {
      TaskFacts task = tasks.get(taken.step().taskId()).facts();
      if (taken.beginsTask() && begun.put(task.taskId(), task) == null) {
        events.add(ofTask(task, TaskState.PENDING.wire(), TaskState.IN_PROGRESS, claims.at(), Json.EMPTY_OBJECT));
      }
      ClaimedStep step = taken.step();
      events.add(ofStep(
          task, step.stepId(), step.name(), taken.from().wire(), StepState.IN_PROGRESS, step.attempt(), claims.at(),
          Json.EMPTY_OBJECT));
    }
    return events;
  }

  /**
   * @param accepted the outcomes that were accepted
   * @param log what the same transaction has changed besides
   */
  void recorded(Publication publication, Recorded recorded, List<Completion> accepted, List<Transition> log) {
    publish(
        publication, Math.max(recorded.newestTransition(), newest(log)), () -> ofRecorded(recorded, accepted, log));
  }

  private static List<Event> ofRecorded(Recorded recorded, List<Completion> accepted, List<Transition> log) {
    Map<Long, TaskMemory> tasks = new HashMap<>();
    List<Event> events = new ArrayList<>();
    for (Completion completion : accepted) {
      tasks.put(completion.attempt().taskId(), completion.attempt().memory());
      events.add(ofOutcome(completion, recorded.at()));
    }
    for (ClaimedStep step : recorded.handedOver()) {
      events.add(ofStep(
          tasks.get(step.taskId()).facts(), step.stepId(), step.name(), StepState.PENDING.wire(), StepState.IN_PROGRESS,
          step.attempt(), recorded.at(), Json.EMPTY_OBJECT));
    }
    for (long stepId : recorded.enqueued()) {
      TaskMemory task = tasks.get(ClaimedStep.taskIdOf(stepId));
      events.add(ofStep(
          task.facts(), stepId, task.stepName(stepId), StepState.PENDING.wire(), StepState.ENQUEUED, null, recorded.at(),
          Json.EMPTY_OBJECT));
    }
    for (Ended task : recorded.ended()) {
      events.add(ofTask(
          tasks.get(task.taskId()).facts(), TaskState.IN_PROGRESS.wire(), task.state(), recorded.at(), Json.EMPTY_OBJECT));
    }
    events.addAll(ofLog(log, tasks));
    return events;
  }

  /** Changes outside the hot path: the names in the events are read, where nothing of the task is in flight. */
  void changed(Publication publication, List<Transition> log) {
    publish(
        publication,
        newest(log),
        () -> ofLog(log, memories.of(log.stream().map(Transition::taskId).distinct().toList())));
  }

  /** What was committed stays so: if its events cannot be made, they are lost. */
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

  private static long newest(List<Transition> log) {
    return log.stream().mapToLong(Transition::id).max().orElse(0);
  }

  private static List<Event> ofLog(List<Transition> log, Map<Long, TaskMemory> tasks) {
    return log.stream()
        .filter(entry -> tasks.containsKey(entry.taskId()))
        .map(entry -> ofEntry(entry, tasks.get(entry.taskId())))
        .filter(Objects::nonNull)
        .toList();
  }

  /** Null where there is no event for it. */
  private static Event ofEntry(Transition entry, TaskMemory task) {
    Json data = entry.reason() == null ? Json.EMPTY_OBJECT : JsonWriter.object(out -> out.put("reason", entry.reason()));
    if (entry.stepId() == null) {
      return ofTask(task.facts(), entry.from(), TaskState.of(entry.to()), entry.at(), data);
    }
    StepState to = StepState.of(entry.to());
    return CoreEvents.ofStep(to) == null
        ? null
        : ofStep(
            task.facts(), entry.stepId(), task.stepName(entry.stepId()), entry.from(), to, entry.attempt(), entry.at(), data);
  }

  private static Event ofOutcome(Completion completion, Instant at) {
    Attempt attempt = completion.attempt();
    StepOutcome outcome = completion.outcome();
    Json data = outcome.to() == StepState.COMPLETE
        ? Json.EMPTY_OBJECT
        : JsonWriter.object(out -> {
          out.put("reason", outcome.reason());
          if (outcome.delayMs() != null) {
            out.put("next_run_at", at.plusMillis(outcome.delayMs()));
          }
        });
    return ofStep(
        attempt.memory().facts(), attempt.stepId(), attempt.stepName(), StepState.IN_PROGRESS.wire(), outcome.to(),
        attempt.attempt(), at, data);
  }

  private static Event ofTask(TaskFacts task, String from, TaskState to, Instant at, Json data) {
    return new Event(
        CoreEvents.ofTask(to), task.taskId(), null, task.name(), task.namespace(), null, from, to.wire(), null,
        task.correlationId(), at, data);
  }

  private static Event ofStep(
      TaskFacts task, long stepId, String stepName, String from, StepState to, Integer attempt, Instant at, Json data) {
    return new Event(
        CoreEvents.ofStep(to), task.taskId(), stepId, task.name(), task.namespace(), stepName, from, to.wire(), attempt,
        task.correlationId(), at, data);
  }
}
