package io.taskercore.testing;

import io.taskercore.config.OrchestrationConfig;
import io.taskercore.engine.Coordinator;
import io.taskercore.engine.clock.CoreClock;
import io.taskercore.engine.run.TaskRun;
import io.taskercore.model.Json;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;
import tools.jackson.databind.json.JsonMapper;

/**
 * A coordinator on an empty database, with handlers in Java; what tests of the engine stand on. As a JUnit extension it checks
 * every invariant after the test, and closes.
 */
public final class Engine implements AutoCloseable, AfterEachCallback {

  private static final ObjectMapper MAPPER = JsonMapper.builder().build();

  private final TestDatabase database = TestDatabase.migrated();
  private final Handlers handlers = new Handlers();
  private final List<Coordinator> others = new ArrayList<>();
  private Coordinator coordinator;
  private boolean closed;

  private Engine(Map<String, Object> settings) {
    this.coordinator = open(database.url(), handlers, settings);
  }

  public static Engine start() {
    return start(Map.of());
  }

  public static Engine start(Map<String, Object> settings) {
    return new Engine(settings);
  }

  /** Closes the coordinator and opens it again with other settings. */
  public void restart(Map<String, Object> settings) {
    coordinator.close();
    coordinator = open(database.url(), handlers, settings);
  }

  private static Coordinator open(String url, Handlers handlers, Map<String, Object> settings) {
    return open(url, handlers, settings, CoreClock.ACTUAL);
  }

  private static Coordinator open(String url, Handlers handlers, Map<String, Object> settings, CoreClock clock) {
    Map<String, Object> config = new HashMap<>(Map.of("database_url", url, "environment", "test", "lease_ms", 2_000));
    if (System.getenv("TEST_CONNECTION_MODE") != null) {
      config.put("connection_mode", System.getenv("TEST_CONNECTION_MODE"));
    }
    config.putAll(settings);
    return Coordinator.open(
        OrchestrationConfig.fromJson(Json.of(MAPPER.writeValueAsString(config))), handlers, handlers.queue(), clock);
  }

  /** A second coordinator on the same database, which shares the runtime of the first. */
  public Coordinator another(Handlers handlers, Map<String, Object> settings) {
    return other(open(database.url(), handlers, settings));
  }

  /** A coordinator with a runtime of its own: to the others it is another process. */
  public Coordinator otherProcess(String name, Handlers handlers, Map<String, Object> settings) {
    return other(open(database.url() + "?ApplicationName=" + name, handlers, settings));
  }

  /** A coordinator that connects as another user, who needs no password. */
  public Coordinator as(String user, Handlers handlers, Map<String, Object> settings) {
    String url = "postgres://" + user + "@" + database.host() + ":" + database.port() + "/" + database.name();
    return other(open(url, handlers, settings));
  }

  /** A coordinator that shares nothing with the others but the database. */
  public Coordinator onClock(CoreClock clock, Handlers handlers) {
    return other(open(database.url(), handlers, Map.of(), clock));
  }

  /** A coordinator that reaches the database by way of somebody on this port. */
  public Coordinator through(int port, Handlers handlers, Map<String, Object> settings) {
    return other(open(database.urlThrough(port), handlers, settings));
  }

  private Coordinator other(Coordinator coordinator) {
    others.add(coordinator);
    return coordinator;
  }

  public Coordinator coordinator() {
    return coordinator;
  }

  public Handlers handlers() {
    return handlers;
  }

  public TestDatabase database() {
    return database;
  }

  /** Registers a workflow of src/test/resources/workflows. */
  public void register(String shape) {
    register(coordinator, shape);
  }

  public static void register(Coordinator coordinator, String shape) {
    coordinator.tasks().registerTemplate(workflow(shape));
  }

  public static Json workflow(String shape) {
    try (InputStream in = Engine.class.getResourceAsStream("/workflows/" + shape + ".json")) {
      return Json.of(new String(in.readAllBytes(), StandardCharsets.UTF_8));
    } catch (IOException failure) {
      throw new UncheckedIOException(failure);
    }
  }

  public JsonNode register(Workflow workflow) {
    return tree(coordinator.tasks().registerTemplate(workflow.json()));
  }

  /** Initializes a task of a shape. */
  public long task(String shape, String payload) {
    return initialize("""
        {"namespace": "shapes", "task_name": "%s", "payload": %s}""".formatted(shape, payload)).get("task_id").asLong();
  }

  /** Registers the workflow and initializes a task of it. */
  public long task(Workflow workflow) {
    JsonNode template = register(workflow);
    return initialize("""
        {"namespace": "%s", "task_name": "%s", "version": "%s"}""".formatted(
        template.get("namespace").asString(), template.get("name").asString(), template.get("version").asString()))
        .get("task_id").asLong();
  }

  public JsonNode initialize(String request) {
    return tree(coordinator.tasks().initializeTask(Json.of(request)));
  }

  /** Runs a task to where nothing more can be done. */
  public JsonNode run(long taskId) {
    return run(coordinator, handlers, taskId, null);
  }

  public JsonNode run(long taskId, Long timeoutMs) {
    return run(coordinator, handlers, taskId, timeoutMs);
  }

  public static JsonNode run(Coordinator coordinator, Handlers handlers, long taskId, Long timeoutMs) {
    try (TaskRun run = coordinator.tasks().orchestrate(taskId, timeoutMs)) {
      return finish(run, handlers);
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(interrupted);
    }
  }

  /** Creates a task and runs it, as one call. */
  public JsonNode handle(Json request) {
    return finish(coordinator.tasks().handle(request, null));
  }

  /** Waits for the end of a run. */
  public JsonNode finish(TaskRun begun) {
    try (Background run = inBackground(begun)) {
      return run.outcome();
    }
  }

  private static JsonNode finish(TaskRun run, Handlers handlers) throws InterruptedException {
    while (!run.await()) {
      // What is not in the directory is nowhere.
      run.seekHandlers(name -> {});
      handlers.startThreads();
    }
    return tree(run.outcome());
  }

  public Background inBackground(long taskId) {
    return inBackground(coordinator, handlers, taskId, null);
  }

  public Background inBackground(TaskRun begun) {
    return new Background(begun, handlers);
  }

  public static Background inBackground(Coordinator coordinator, Handlers handlers, long taskId, Long timeoutMs) {
    return new Background(coordinator.tasks().orchestrate(taskId, timeoutMs), handlers);
  }

  /** A task that runs while the test does something else. */
  public static final class Background implements AutoCloseable {
    private final TaskRun run;
    private final Thread thread;
    private volatile JsonNode outcome;
    private volatile RuntimeException failure;

    private Background(TaskRun run, Handlers handlers) {
      this.run = run;
      this.thread = new Thread(() -> follow(handlers), "background run");
      thread.setDaemon(true);
      thread.start();
    }

    private void follow(Handlers handlers) {
      try (run) {
        outcome = finish(run, handlers);
      } catch (RuntimeException failed) {
        failure = failed;
      } catch (InterruptedException interrupted) {
        failure = new IllegalStateException(interrupted);
      }
    }

    /** Waits for the end of the run. */
    public JsonNode outcome() {
      Await.until("the end of the run", () -> !thread.isAlive());
      if (failure != null) {
        throw failure;
      }
      return outcome;
    }

    public boolean isOver() {
      return !thread.isAlive();
    }

    /** Ends the run where it is; what runs goes on. */
    public void end() {
      run.close();
      Await.until("the end of the run", () -> !thread.isAlive());
    }

    @Override
    public void close() {
      end();
    }
  }

  public JsonNode context(long taskId) {
    return tree(coordinator.questions().taskContext(taskId));
  }

  public String status(long taskId) {
    return context(taskId).get("status").asString();
  }

  public JsonNode step(long taskId, String name) {
    return step(context(taskId), name);
  }

  public String state(long taskId, String step) {
    return step(taskId, step).get("state").asString();
  }

  public long stepId(long taskId, String step) {
    return step(taskId, step).get("step_id").asLong();
  }

  public void awaitState(long taskId, String step, String state) {
    Await.until(step + " is " + state, () -> state(taskId, step).equals(state));
  }

  /** What the step went through, as {@code to_state} or {@code to_state(reason)}. */
  public List<String> history(long taskId, String step) {
    return history(context(taskId), Optional.of(step));
  }

  /** What the task itself went through. */
  public List<String> history(long taskId) {
    return history(context(taskId), Optional.empty());
  }

  private static List<String> history(JsonNode context, Optional<String> step) {
    return StreamSupport.stream(context.get("transitions").spliterator(), false)
        .filter(log -> step.isEmpty() ? log.get("step_id").isNull() : step.get().equals(log.get("step_name").asString("")))
        .map(log -> log.get("to_state").asString() + (log.get("reason").isNull() ? "" : "(" + log.get("reason").asString() + ")"))
        .toList();
  }

  /** Makes a step that waits for its time ready at once. */
  public void makeDue(long taskId) {
    database.execute("UPDATE tasker.step_queue SET run_at = now() - interval '1 ms' WHERE task_id = " + taskId);
    database.execute("UPDATE tasker.workflow_steps SET next_run_at = now() WHERE next_run_at IS NOT NULL AND task_id = " + taskId);
  }

  public static JsonNode tree(Json json) {
    return MAPPER.readTree(json.utf8());
  }

  /** A step's part of a task context. */
  public static JsonNode step(JsonNode context, String name) {
    for (JsonNode step : context.get("steps")) {
      if (step.get("name").asString().equals(name)) {
        return step;
      }
    }
    throw new AssertionError("no step " + name);
  }

  @Override
  public void afterEach(ExtensionContext context) {
    try {
      Invariants.check(database);
    } finally {
      close();
    }
  }

  @Override
  public void close() {
    if (!closed) {
      closed = true;
      others.forEach(Coordinator::close);
      coordinator.close();
      database.close();
    }
  }
}
