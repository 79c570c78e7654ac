package io.taskercore.engine.create;

import com.fasterxml.uuid.Generators;
import com.fasterxml.uuid.NoArgGenerator;
import io.taskercore.config.OrchestrationConfig;
import io.taskercore.engine.notify.TaskEvents;
import io.taskercore.engine.task.TemplateRegistry;
import io.taskercore.engine.task.TemplateRegistry.Registered;
import io.taskercore.event.Publication;
import io.taskercore.model.FailureMode;
import io.taskercore.model.Format;
import io.taskercore.model.Json;
import io.taskercore.model.JsonWriter;
import io.taskercore.model.NewTask;
import io.taskercore.model.StepDefinition;
import io.taskercore.model.TaskState;
import io.taskercore.model.TaskTemplate;
import io.taskercore.model.TaskerException;
import io.taskercore.model.Violation;
import io.taskercore.store.Announcements;
import io.taskercore.store.Database;
import io.taskercore.store.LentConnections;
import io.taskercore.store.StaleTemplate;
import io.taskercore.store.TaskStore;
import io.taskercore.store.TaskStore.AttemptLimits;
import io.taskercore.store.TaskStore.Created;
import io.taskercore.store.TaskStore.Earlier;
import io.taskercore.store.TaskStore.Remembered;
import io.taskercore.store.TaskStore.RootClaims;
import io.taskercore.template.TaskRequest;
import io.taskercore.template.TaskRequestReader;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;

/** Makes tasks from requests: it checks all of them first, then writes them in one transaction. */
public final class TaskInitializer {

  private static final NoArgGenerator UUIDS = Generators.timeBasedEpochGenerator();

  private final TemplateRegistry templates;
  private final TaskEvents events;
  private final LentConnections lent;
  private final Supplier<OrchestrationConfig> config;
  private final TaskStore tasks = new TaskStore();
  private final Announcements announcements = new Announcements();

  /** @param config gives the configuration of the moment */
  public TaskInitializer(
      TemplateRegistry templates, TaskEvents events, LentConnections lent, Supplier<OrchestrationConfig> config) {
    this.templates = templates;
    this.events = events;
    this.lent = lent;
    this.config = config;
  }

  /** One task, in a transaction of its own. */
  public Json initialize(Json request, Database database) {
    List<TaskRequest> read = List.of(TaskRequestReader.read(request, "", config.get().maxPayloadBytes()));
    List<String> paths = List.of("");
    return inOwnTransaction(read, paths, database).get(0);
  }

  /**
   * A request that was checked against its template, for {@link #begin}.
   *
   * @param task as it will be written
   * @param version the version that was asked for; null: the newest
   */
  public record Prepared(NewTask task, TaskTemplate template, String version) {}

  /**
   * Checks a request whose task is worked on as soon as it exists. It uses the template that this process remembers, if there is one and
   * the request passes its check; {@link #begin} finds out whether that template is still the right one.
   */
  public Prepared prepare(Json request, Database database) {
    TaskRequest read = TaskRequestReader.read(request, "", config.get().maxPayloadBytes());
    Registered remembered = templates.remembered(read.namespace(), read.taskName(), read.version());
    if (remembered != null && remembered.validate(read.payload(), "payload").isEmpty()) {
      return new Prepared(newTask(read, remembered), remembered.template(), read.version());
    }
    return prepareAnew(read, database);
  }

  /** The same against the template that is in the database now. */
  public Prepared prepareAnew(Json request, Database database) {
    return prepareAnew(TaskRequestReader.read(request, "", config.get().maxPayloadBytes()), database);
  }

  private Prepared prepareAnew(TaskRequest read, Database database) {
    return database.call(connection -> {
      Registered template = template(connection, read, "");
      List<Violation> violations = violations(connection, read, template, "");
      if (!violations.isEmpty()) {
        throw new TaskerException.Validation(violations);
      }
      return new Prepared(newTask(read, template), template.template(), read.version());
    });
  }

  /**
   * What came of a prepared request.
   *
   * @param taskId the task's, new or not
   * @param created null: the idempotency key had made the task before
   */
  public record Born(long taskId, Created created) {}

  /**
   * Writes a prepared task and claims its root steps in the same transaction.
   *
   * @throws StaleTemplate if its template is not, or no longer, the one that the request asks for; nothing is written then
   */
  public Born begin(Prepared prepared, RootClaims claims, Database database) {
    List<NewTask> one = List.of(prepared.task());
    Remembered remembered = new Remembered(prepared.task().template(), prepared.version());
    if (prepared.task().idempotencyKey() == null) {
      return born(database.call(connection -> write(connection, one, claims, remembered)));
    }
    return database.transaction(connection -> {
      List<NewTask> withId = withIds(connection, one);
      return tasks.reserveKeys(connection, withId).isEmpty()
          ? new Born(earlierTask(connection, withId.get(0), "").taskId(), null)
          : born(write(connection, withId, claims, remembered));
    });
  }

  private static Born born(Created created) {
    return new Born(created.taskIds().get(0), created);
  }

  /** Makes one task in the caller's transaction. There is no event, because the core does not hear of the commit. */
  public Json initialize(Json request, Connection connection) {
    List<TaskRequest> read = List.of(TaskRequestReader.read(request, "", config.get().maxPayloadBytes()));
    return within(connection, read, List.of("")).get(0);
  }

  /** Many tasks or none, in a transaction of their own. */
  public Json initializeAll(List<Json> requests, Database database) {
    List<String> paths = paths(requests.size());
    return JsonWriter.array(inOwnTransaction(read(requests, paths), paths, database));
  }

  /** Many tasks or none, in the caller's transaction. */
  public Json initializeAll(List<Json> requests, Connection connection) {
    List<String> paths = paths(requests.size());
    List<TaskRequest> read = read(requests, paths);
    return JsonWriter.array(within(connection, read, paths));
  }

  private static List<String> paths(int count) {
    List<String> paths = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      paths.add("[" + i + "]");
    }
    return paths;
  }

  private List<TaskRequest> read(List<Json> requests, List<String> paths) {
    List<TaskRequest> read = new ArrayList<>(requests.size());
    for (int i = 0; i < requests.size(); i++) {
      read.add(TaskRequestReader.read(requests.get(i), paths.get(i), config.get().maxPayloadBytes()));
    }
    return read;
  }

  private List<Json> inOwnTransaction(List<TaskRequest> requests, List<String> paths, Database database) {
    if (requests.isEmpty()) {
      return List.of();
    }
    try (Publication publication = events.begin()) {
      Initialized initialized =
          database.transaction(connection -> create(connection, prepare(connection, requests, paths), paths));
      events.initialized(publication, initialized.tasks(), initialized.created());
      return initialized.answers();
    }
  }

  /** The announcement is part of the caller's transaction, so that workers hear of the tasks when it is committed, and only then. */
  private List<Json> within(Connection connection, List<TaskRequest> requests, List<String> paths) {
    lent.check(connection);
    if (requests.isEmpty()) {
      return List.of();
    }
    return Database.allOrNothingWithin(connection, on -> {
      List<Json> created = create(on, prepare(on, requests, paths), paths).answers();
      announcements.announce(on);
      return created;
    });
  }

  /** Finds each request's template and checks its payload against the schema. */
  private List<NewTask> prepare(Connection connection, List<TaskRequest> requests, List<String> paths)
      throws SQLException {
    record Wanted(String namespace, String name, String version) {}
    Map<Wanted, Registered> found = new HashMap<>();
    List<NewTask> prepared = new ArrayList<>(requests.size());
    List<Violation> violations = new ArrayList<>();
    for (int i = 0; i < requests.size(); i++) {
      TaskRequest request = requests.get(i);
      Wanted wanted = new Wanted(request.namespace(), request.taskName(), request.version());
      Registered template = found.get(wanted);
      if (template == null) {
        template = template(connection, request, paths.get(i));
        found.put(wanted, template);
      }
      violations.addAll(violations(connection, request, template, paths.get(i)));
      prepared.add(newTask(request, template));
    }
    if (!violations.isEmpty()) {
      throw new TaskerException.Validation(violations);
    }
    return prepared;
  }

  /** A request whose key has already made a task asks for that task, even if the schema has become stricter since. */
  private List<Violation> violations(Connection connection, TaskRequest request, Registered template, String path)
      throws SQLException {
    List<Violation> found = template.validate(request.payload(), join(path, "payload"));
    boolean repeated = !found.isEmpty() && request.idempotencyKey() != null
        && tasks.earlier(connection, newTask(request, template)).isPresent();
    return repeated ? List.of() : found;
  }

  private Registered template(Connection connection, TaskRequest request, String path) throws SQLException {
    try {
      return templates.newest(connection, request.namespace(), request.taskName(), request.version());
    } catch (TaskerException.TemplateNotFound missing) {
      throw path.isEmpty() ? missing : new TaskerException.TemplateNotFound(path + ": " + missing.getMessage());
    }
  }

  private static String join(String path, String key) {
    return path.isEmpty() ? key : path + "." + key;
  }

  private static NewTask newTask(TaskRequest request, Registered registered) {
    TaskTemplate template = registered.template();
    return new NewTask(
        null,
        registered.key(),
        template.namespace(),
        template.name(),
        template.onStepFailure() == FailureMode.FAIL_FAST,
        template.steps().size(),
        (int) template.steps().stream().filter(StepDefinition::isRoot).count(),
        request.priority(),
        request.correlationId() != null ? request.correlationId() : UUIDS.generate().toString(),
        request.idempotencyKey(),
        request.initiator(),
        request.reason(),
        request.tags(),
        request.runAt(),
        request.payload());
  }

  /**
   * What came of requests.
   *
   * @param answers one for each request
   * @param tasks those that did not exist before
   * @param created their rows, in the same order
   */
  private record Initialized(List<Json> answers, List<NewTask> tasks, Created created) {}

  private Initialized create(Connection connection, List<NewTask> prepared, List<String> paths) throws SQLException {
    boolean keyed = prepared.stream().anyMatch(task -> task.idempotencyKey() != null);
    if (!keyed) {
      Created created = write(connection, prepared, RootClaims.NONE, null);
      List<Json> answers = new ArrayList<>(prepared.size());
      for (int i = 0; i < prepared.size(); i++) {
        answers.add(document(created.taskIds().get(i), prepared.get(i).totalSteps(), TaskState.PENDING, true));
      }
      return new Initialized(answers, prepared, created);
    }
    return createKeyed(connection, withIds(connection, prepared), paths);
  }

  private List<NewTask> withIds(Connection connection, List<NewTask> prepared) throws SQLException {
    List<Long> ids = tasks.nextIds(connection, prepared.size());
    List<NewTask> tasksWithIds = new ArrayList<>(prepared.size());
    for (int i = 0; i < prepared.size(); i++) {
      tasksWithIds.add(prepared.get(i).withTaskId(ids.get(i)));
    }
    return tasksWithIds;
  }

  /** Takes the keys first. A request whose key was already taken gets the task that the key made. */
  private Initialized createKeyed(Connection connection, List<NewTask> prepared, List<String> paths) throws SQLException {
    Set<Long> reserved = tasks.reserveKeys(
        connection, prepared.stream().filter(task -> task.idempotencyKey() != null).toList());
    List<NewTask> fresh = prepared.stream()
        .filter(task -> task.idempotencyKey() == null || reserved.contains(task.taskId()))
        .toList();
    Created written = fresh.isEmpty() ? Created.NOTHING : write(connection, fresh, RootClaims.NONE, null);
    List<Json> answers = new ArrayList<>(prepared.size());
    for (int i = 0; i < prepared.size(); i++) {
      NewTask task = prepared.get(i);
      boolean created = task.idempotencyKey() == null || reserved.contains(task.taskId());
      answers.add(created
          ? document(task.taskId(), task.totalSteps(), TaskState.PENDING, true)
          : earlier(connection, task, paths.get(i)));
    }
    return new Initialized(answers, fresh, written);
  }

  private Json earlier(Connection connection, NewTask task, String path) throws SQLException {
    Earlier earlier = earlierTask(connection, task, path);
    return document(earlier.taskId(), earlier.totalSteps(), earlier.state(), false);
  }

  /** The task that the key made before. */
  private Earlier earlierTask(Connection connection, NewTask task, String path) throws SQLException {
    Earlier earlier = tasks.earlier(connection, task).orElseThrow();
    if (!earlier.samePayload()) {
      throw new TaskerException.IdempotencyConflict(join(path, "idempotency_key"),
          Format.text(
              "\"%s\" made task %d of %s with another payload; use another key for another payload",
              task.idempotencyKey(), earlier.taskId(), task.name()));
    }
    return earlier;
  }

  private Created write(Connection connection, List<NewTask> fresh, RootClaims claims, Remembered remembered) throws SQLException {
    OrchestrationConfig now = config.get();
    return tasks.create(connection, fresh, new AttemptLimits(now.retryLimits()), now.maxCrashes(), claims, remembered);
  }

  private static Json document(long taskId, int steps, TaskState state, boolean created) {
    return JsonWriter.object(out -> out
        .put("task_id", taskId)
        .put("step_count", steps)
        .put("status", state.value())
        .put("errors", List.<String>of())
        .put("created", created));
  }
}
