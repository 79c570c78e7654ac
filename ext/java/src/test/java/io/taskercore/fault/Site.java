package io.taskercore.fault;

import io.taskercore.config.OrchestrationConfig;
import io.taskercore.engine.Coordinator;
import io.taskercore.fault.Ledger.Counts;
import io.taskercore.model.Json;
import io.taskercore.testing.Handlers;
import io.taskercore.testing.Pooler;
import io.taskercore.testing.TestDatabase;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedDeque;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Where a fault happens: a database, a folder with the journals and logs of the worker processes, and a client that makes tasks
 * and runs none. As a JUnit extension it ends all that a test has left.
 */
final class Site implements BeforeEachCallback, AfterEachCallback, AutoCloseable {

  private static final JsonMapper MAPPER = JsonMapper.builder().build();

  /** More than a worker process has. */
  private static final int POOLER_SESSIONS = 30;

  private final OwnPostgres postgres;
  private final Map<String, Plan> plans = new ConcurrentHashMap<>();
  private final ConcurrentLinkedDeque<WorkerProcess> workers = new ConcurrentLinkedDeque<>();
  private final ConcurrentLinkedDeque<Wire> wires = new ConcurrentLinkedDeque<>();
  private Pooler pooler;
  private TestDatabase database;
  private Path folder;
  private Coordinator client;
  private String test = "";
  private boolean kept;

  Site(OwnPostgres postgres) {
    this.postgres = postgres;
  }

  /** On the server that tests share. */
  static Site shared() {
    return new Site(OwnPostgres.shared());
  }

  /** @param name what its reports begin with */
  Site named(String name) {
    test = name;
    return this;
  }

  Site open() {
    postgres.start();
    database = TestDatabase.on(postgres.uri());
    try {
      folder = Files.createTempDirectory("tasker-fault-");
    } catch (IOException failure) {
      throw new UncheckedIOException(failure);
    }
    Handlers none = new Handlers();
    client = Coordinator.open(OrchestrationConfig.fromJson(Json.of(config(database.url(), Map.of()))), none, none.queue());
    return this;
  }

  OwnPostgres postgres() {
    return postgres;
  }

  TestDatabase database() {
    return database;
  }

  Coordinator client() {
    return client;
  }

  Path folder() {
    return folder;
  }

  private static String config(String url, Map<String, Object> settings) {
    Map<String, Object> config = new HashMap<>(Map.of("database_url", url, "environment", "test"));
    config.putAll(settings);
    return MAPPER.writeValueAsString(config);
  }

  // --- Processes ---

  /** Starts a worker with the settings given, and otherwise the defaults. */
  WorkerProcess worker(String name, Map<String, Object> settings) {
    return worker(name, database.url(), settings, List.of(), Plan.HANDLER);
  }

  /** One that reaches the database by a wire. */
  WorkerProcess worker(String name, Wire wire, Map<String, Object> settings) {
    return worker(name, database.urlThrough(wire.port()), settings, List.of(), Plan.HANDLER);
  }

  /** One that reaches it by a pooler, of which it is not told, and which may do it harm. */
  WorkerProcess workerBehindPooler(String name, Map<String, Object> settings) {
    WorkerProcess worker = worker(name, database.urlThrough(pooler().port()), settings, List.of(), Plan.HANDLER);
    worker.expectHarm();
    return worker;
  }

  WorkerProcess worker(String name, String url, Map<String, Object> settings, List<String> jvm, String handlers) {
    // So that sessions tell whose they are.
    String named = url + "?ApplicationName=" + name;
    WorkerProcess worker = WorkerProcess.start(folder, name, config(named, settings), jvm, handlers);
    workers.add(worker);
    return worker;
  }

  Wire wire() {
    Wire wire = new Wire(database.host(), database.port());
    wires.add(wire);
    return wire;
  }

  /** One that lends its sessions to whoever comes until it goes, as long as nobody changes that. */
  synchronized Pooler pooler() {
    if (pooler == null) {
      pooler = Pooler.lendingForSessions(database, POOLER_SESSIONS);
    }
    return pooler;
  }

  List<WorkerProcess> workers() {
    return List.copyOf(workers);
  }

  // --- Tasks ---

  void register(Plan plan) {
    plans.put(plan.name(), plan);
    client.tasks().registerTemplate(plan.workflow().json());
  }

  long task(Plan plan) {
    return tasks(plan, 1)[0];
  }

  long[] tasks(Plan plan, int count) {
    register(plan);
    List<Json> requests = IntStream.range(0, count)
        .mapToObj(i -> Json.of("{\"task_name\": \"" + plan.name() + "\"}")).toList();
    JsonNode created = MAPPER.readTree(client.tasks().initializeTasks(requests).utf8());
    return created.valueStream().mapToLong(task -> task.get("task_id").asLong()).toArray();
  }

  /** Some of each of the plans, in one transaction each. */
  void mixedTasks(List<Plan> plans, int ofEach) {
    plans.forEach(plan -> tasks(plan, ofEach));
  }

  static long stepId(long taskId, int ordinal) {
    return taskId * 65_536 + ordinal;
  }

  void openGate(String gate) {
    try {
      Files.createFile(folder.resolve("gate-" + gate));
    } catch (IOException failure) {
      throw new UncheckedIOException(failure);
    }
  }

  String state(long stepId) {
    return database.value("SELECT state FROM tasker.workflow_steps WHERE task_id = " + (stepId >> 16) + " AND step_id = " + stepId);
  }

  void awaitState(long stepId, String state) {
    Patience.until("step " + stepId + " is " + state, () -> state(stepId).equals(state));
  }

  long unended() {
    return database.number("SELECT count(*) FROM tasker.tasks WHERE state IN ('pending', 'in_progress')");
  }

  long ended() {
    return database.number("SELECT count(*) FROM tasker.tasks WHERE state NOT IN ('pending', 'in_progress')");
  }

  void awaitAllEnded() {
    awaitAllEnded(Duration.ofSeconds(120));
  }

  void awaitAllEnded(Duration atMost) {
    Patience.until("all tasks have ended", atMost, () -> unended() == 0);
  }

  /** How the step's handler was run, in order of the attempts: {@code process#attempt}. */
  List<String> runsOf(long stepId) {
    return workers.stream().flatMap(worker -> worker.runs().stream())
        .filter(run -> run.stepId() == stepId)
        .sorted(Comparator.comparingInt(Journal.Run::attempt))
        .map(run -> run.process().replace(".journal", "") + "#" + run.attempt())
        .toList();
  }

  long crashes() {
    return database.number("SELECT count(*) FROM tasker.transitions WHERE reason IN ('lease_lapsed', 'crash_limit', 'process_died')");
  }

  /** How many processes have not renewed their lease in time. */
  long lapsedLeases() {
    return database.number("SELECT count(*) FROM tasker.processes WHERE lease_until < now() AND dead_at IS NULL");
  }

  // --- Verdict ---

  /** Everything is as the model says, and explained; what was counted is printed. */
  Counts verdict() {
    Counts counts = Ledger.check(database, plans, workers());
    say(counts.tasks() + " tasks, " + counts.runs() + " handler runs, " + counts.excess() + " not accepted, " + counts.crashes()
        + " crashes" + (counts.recoveredMs().isEmpty() ? "" : ", recovered after " + counts.recoveredMs() + " ms"));
    return counts;
  }

  /** Everything is as the model says, of what the database knows of. */
  void verdictOfTheDatabase() {
    Ledger.checkAgainstModel(database, plans);
  }

  void say(String what) {
    System.out.println("fault: " + test + ": " + what);
  }

  // --- Life ---

  /** Leaves the journals and logs where they are, for somebody to read. */
  Path keepFolder() {
    kept = true;
    return folder;
  }

  /** Runs work again and again beside the test, until the returned handle is closed; it fails then if the work failed. */
  static Repeating every(Duration pause, Runnable work) {
    return new Repeating(pause, work);
  }

  static final class Repeating implements AutoCloseable {
    private final CountDownLatch end = new CountDownLatch(1);
    private final Thread thread;
    private volatile Throwable failure;

    private Repeating(Duration pause, Runnable work) {
      thread = new Thread(() -> {
        try {
          while (!end.await(pause.toMillis(), TimeUnit.MILLISECONDS)) {
            work.run();
          }
        } catch (InterruptedException | RuntimeException | AssertionError failed) {
          failure = failed;
        }
      }, "again and again");
      thread.setDaemon(true);
      thread.start();
    }

    /** Where the work failed, too. */
    boolean isOver() {
      return !thread.isAlive();
    }

    @Override
    public void close() {
      end.countDown();
      Patience.until("the end of what runs beside the test", () -> !thread.isAlive());
      if (failure != null) {
        throw new AssertionError(failure);
      }
    }
  }

  @Override
  public void beforeEach(ExtensionContext context) {
    test = context.getRequiredTestMethod().getName();
    open();
  }

  @Override
  public void afterEach(ExtensionContext context) {
    if (context.getExecutionException().isPresent()) {
      say("failed; what the processes had to say:\n" + logs());
    }
    close();
  }

  private String logs() {
    StringBuilder logs = new StringBuilder();
    for (WorkerProcess worker : workers) {
      try (Stream<String> lines = Files.lines(folder.resolve(worker.name() + ".log"))) {
        logs.append("--- ").append(worker.name()).append('\n');
        lines.limit(60).forEach(line -> logs.append(line).append('\n'));
      } catch (IOException failure) {
        logs.append(failure).append('\n');
      }
    }
    return logs.toString();
  }

  @Override
  public void close() {
    workers.forEach(WorkerProcess::close);
    wires.forEach(Wire::close);
    if (pooler != null) {
      pooler.close();
    }
    postgres.start();
    client.close();
    database.close();
    if (kept) {
      return;
    }
    try (Stream<Path> files = Files.list(folder)) {
      files.sorted().forEach(Site::delete);
    } catch (IOException failure) {
      throw new UncheckedIOException(failure);
    }
    delete(folder);
  }

  private static void delete(Path file) {
    try {
      Files.delete(file);
    } catch (IOException failure) {
      throw new UncheckedIOException(failure);
    }
  }
}
