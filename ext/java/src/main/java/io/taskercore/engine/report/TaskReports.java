package io.taskercore.engine.report;

import io.taskercore.document.Document;
import io.taskercore.document.Fields;
import io.taskercore.document.Path;
import io.taskercore.document.Suggestion;
import io.taskercore.document.Violations;
import io.taskercore.engine.attempt.HandlerDirectory;
import io.taskercore.model.ClaimedStep;
import io.taskercore.model.ExecutionStatus;
import io.taskercore.model.Format;
import io.taskercore.model.Json;
import io.taskercore.model.JsonWriter;
import io.taskercore.model.Printable;
import io.taskercore.model.StepCounts;
import io.taskercore.model.StepState;
import io.taskercore.model.TaskState;
import io.taskercore.model.TaskerException;
import io.taskercore.store.Database;
import io.taskercore.store.StepStore;
import io.taskercore.store.TaskReader;
import io.taskercore.store.TaskReader.Filter;
import io.taskercore.store.TaskReader.StepStatus;
import io.taskercore.store.TaskReader.TaskRow;
import io.taskercore.store.TaskReader.TaskView;
import io.taskercore.store.TaskReader.Vertex;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/** Answers about tasks, as documents. */
public final class TaskReports {

  private static final List<String> FILTER_KEYS =
      List.of("namespace", "name", "status", "tag", "created_after", "created_before", "limit", "cursor");

  /** The keys of a filter that selects tasks of one status, all of them. */
  private static final List<String> SELECTION_KEYS = List.of("namespace", "name", "tag", "created_after", "created_before");

  private static final int DEFAULT_LIMIT = 50;
  private static final int MAX_LIMIT = 1_000;

  /** The earliest time that both PostgreSQL's calendar and ISO 8601 without signs can hold. */
  private static final Instant EARLIEST = Instant.parse("0000-01-01T00:00:00Z");

  private static final Instant LATEST = Instant.parse("9999-12-31T23:59:59.999999999Z");

  /** How much of a name that is wrong a message quotes. */
  private static final int MOST_CHARACTERS = 100;

  /** How many of a task's steps a message names. */
  private static final int MOST_NAMES = 20;

  private final Database database;
  private final TaskReader reader = new TaskReader();
  private final StepStore steps = new StepStore();

  public TaskReports(Database database) {
    this.database = database;
  }

  public Json context(long taskId) {
    TaskView view = database.call(connection -> reader.view(connection, taskId))
        .orElseThrow(() -> new TaskerException.TaskNotFound(taskId));
    ExecutionStatus status = ExecutionStatus.of(view.task().state(), view.counts());
    return JsonWriter.object(out -> {
      describe(out, view.task());
      out.put("execution_status", status.value())
          .put("recommended_action", status.recommendedAction())
          .put("payload", view.payload());
      count(out, view.counts());
      out.put("steps", view.steps()).put("transitions", view.transitions());
    });
  }

  private static void describe(JsonWriter out, TaskRow task) {
    out.put("task_id", task.taskId())
        .put("namespace", task.namespace())
        .put("name", task.name())
        .put("version", task.version())
        .put("status", task.state().value())
        .put("priority", task.priority())
        .put("tags", task.tags())
        .put("correlation_id", task.correlationId())
        .put("idempotency_key", task.idempotencyKey())
        .put("initiator", task.initiator())
        .put("reason", task.reason())
        .put("created_at", task.createdAt())
        .put("completed_at", task.completedAt());
  }

  private static void count(JsonWriter out, StepCounts counts) {
    out.put("total_steps", counts.total())
        .put("pending_steps", counts.pending())
        .put("enqueued_steps", counts.enqueued())
        .put("in_progress_steps", counts.inProgress())
        .put("waiting_steps", counts.waiting())
        .put("completed_steps", counts.completed())
        .put("failed_steps", counts.failed())
        .put("cancelled_steps", counts.cancelled())
        .put("completion_percentage", counts.completionPercentage());
  }

  /**
   * @param filter an object of {@code namespace, name, status, tag, created_after, created_before, limit} (1 to 1,000, by default 50) and
   *     {@code cursor}, the {@code next_cursor} of the page before
   */
  public Json list(Json filter) {
    Filter wanted = filter(filter);
    List<TaskRow> found = database.call(connection -> reader.list(connection, oneMore(wanted)));
    boolean more = found.size() > wanted.limit();
    List<TaskRow> page = more ? found.subList(0, wanted.limit()) : found;
    List<Json> tasks = page.stream().map(task -> JsonWriter.object(out -> describe(out, task))).toList();
    return JsonWriter.object(out -> out
        .put("tasks", JsonWriter.array(tasks))
        .put("next_cursor", more ? String.valueOf(page.get(page.size() - 1).taskId()) : null));
  }

  /**
   * The ids of all tasks in error that match, the newest first.
   *
   * @param document a filter without {@code status, limit, cursor}
   */
  public List<Long> failedTasks(Json document) {
    Violations violations = new Violations();
    Fields fields = new Fields(Document.read(document), Path.ROOT, violations, SELECTION_KEYS);
    Filter selection = filter(fields, TaskState.ERROR, null, MAX_LIMIT);
    violations.throwIfAny();
    List<Long> all = new ArrayList<>();
    while (true) {
      Filter page = selection.below(all.isEmpty() ? null : all.get(all.size() - 1));
      List<Long> found = database.call(connection -> reader.list(connection, page)).stream().map(TaskRow::taskId).toList();
      all.addAll(found);
      if (found.size() < MAX_LIMIT) {
        return all;
      }
    }
  }

  /** @throws TaskerException.StepNotFound naming the steps that there are */
  public long stepId(long taskId, String name) {
    Map<String, Long> ids = database.call(connection -> steps.idsByName(connection, taskId));
    if (ids.isEmpty()) {
      throw new TaskerException.TaskNotFound(taskId);
    }
    Long stepId = ids.get(name);
    if (stepId == null) {
      throw new TaskerException.StepNotFound(Format.text("task %d has no step %s%s; its steps are %s",
          taskId, Printable.of(Printable.cut(name, MOST_CHARACTERS)), Suggestion.forName(name, ids.keySet()), some(ids.keySet())));
    }
    return stepId;
  }

  private static String some(Collection<String> names) {
    String first = names.stream().limit(MOST_NAMES).collect(Collectors.joining(", "));
    return names.size() > MOST_NAMES ? first + ", …" : first;
  }

  private static Filter oneMore(Filter filter) {
    return new Filter(filter.namespace(), filter.name(), filter.state(), filter.tag(), filter.createdAfter(),
        filter.createdBefore(), filter.belowTaskId(), filter.limit() + 1);
  }

  private static Filter filter(Fields fields, TaskState state, Long belowTaskId, int limit) {
    return new Filter(
        fields.text("namespace", text -> null).orElse(null),
        fields.text("name", text -> null).orElse(null),
        state,
        fields.text("tag", text -> null).orElse(null),
        time(fields, "created_after"),
        time(fields, "created_before"),
        belowTaskId,
        limit);
  }

  private static Filter filter(Json document) {
    Violations violations = new Violations();
    Fields fields = new Fields(Document.read(document), Path.ROOT, violations, FILTER_KEYS);
    Filter filter = filter(
        fields,
        fields.choice("status", List.of(TaskState.values()), TaskState::value).orElse(null),
        fields.text("cursor", TaskReports::badCursor).map(Long::valueOf).orElse(null),
        fields.integer("limit", 1, MAX_LIMIT).map(Long::intValue).orElse(DEFAULT_LIMIT));
    violations.throwIfAny();
    return filter;
  }

  private static String badCursor(String text) {
    return text.matches("[0-9]{1,18}") ? null : "must be the next_cursor of an earlier page";
  }

  private static Instant time(Fields fields, String key) {
    return fields.text(key, TaskReports::badTime).map(text -> OffsetDateTime.parse(text).toInstant()).orElse(null);
  }

  private static String badTime(String text) {
    try {
      Instant time = OffsetDateTime.parse(text).toInstant();
      return time.isBefore(EARLIEST) || time.isAfter(LATEST) ? "must be between the years 0 and 9999" : null;
    } catch (DateTimeParseException bad) {
      return "must be a time with an offset in the years 0 to 9999, such as \"2030-01-31T12:00:00Z\"";
    }
  }

  /** @param handlersHere the handlers at hand in this process, whether or not it runs steps just now */
  public Json explain(long taskId, HandlerDirectory handlersHere) {
    return database.call(connection -> {
      Optional<TaskState> task = reader.state(connection, taskId);
      if (task.isEmpty()) {
        throw new TaskerException.TaskNotFound(taskId);
      }
      List<Vertex> graph = reader.graph(connection, taskId);
      Map<Integer, String> failedAbove = failedAbove(graph);
      List<Json> steps = reader.stepStatuses(connection, taskId).stream()
          .map(status -> explain(status, handlersHere, failedAbove.get(ClaimedStep.ordinalOf(status.stepId())))).toList();
      return JsonWriter.object(out -> out
          .put("task_id", taskId)
          .put("status", task.get().value())
          .put("detail", detail(task.get(), graph))
          .put("steps", JsonWriter.array(steps)));
    });
  }

  /** For steps that cannot run, by their ordinals: the first step above them that has failed for good. */
  private static Map<Integer, String> failedAbove(List<Vertex> graph) {
    Map<Integer, Vertex> byOrdinal = new HashMap<>();
    Map<Integer, String> failedAbove = new HashMap<>();
    for (Vertex step : graph) {
      byOrdinal.put(step.ordinal(), step);
      for (int ordinal : step.parents()) {
        Vertex parent = byOrdinal.get(ordinal);
        // What somebody has declared done lets its children run, whatever failed above it.
        String above = parent.state() == StepState.PENDING ? failedAbove.get(ordinal) : null;
        String failed = parent.failure() != null ? parent.name() : above;
        if (failed != null) {
          failedAbove.putIfAbsent(step.ordinal(), failed);
        }
      }
    }
    return failedAbove;
  }

  /** What is to be said of the task itself; null where its steps say it all. */
  private static String detail(TaskState task, List<Vertex> graph) {
    List<String> failed = graph.stream()
        .filter(step -> step.failure() != null)
        .map(step -> step.name() + (step.failure().isEmpty() ? "" : " (" + Printable.of(Printable.cut(step.failure(), MOST_CHARACTERS)) + ")"))
        .toList();
    if (failed.isEmpty()) {
      return task.ended() ? "the task has ended: " + task.value() : null;
    }
    return (task.ended() ? "the task has ended: " + task.value() + "; " : "") + "failed for good: " + some(failed);
  }

  private static Json explain(StepStatus step, HandlerDirectory handlersHere, String failedAbove) {
    Explanation explanation = Explanation.of(step, step.handlerAlive() || handlersHere.has(step.handler()), failedAbove);
    return JsonWriter.object(out -> out
        .put("step_id", step.stepId())
        .put("name", step.name())
        .put("state", step.state().value())
        .put("handler", step.handler())
        .put("reason", explanation.reason())
        .put("detail", explanation.detail())
        .put("next_look_at", explanation.nextLookAt()));
  }
}
