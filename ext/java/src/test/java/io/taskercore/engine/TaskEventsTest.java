package io.taskercore.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.taskercore.event.Event;
import io.taskercore.event.Subscription;
import io.taskercore.model.Json;
import io.taskercore.testing.Await;
import io.taskercore.testing.Engine;
import io.taskercore.testing.Gate;
import io.taskercore.testing.Handlers;
import io.taskercore.testing.Handlers.Failed;
import io.taskercore.testing.RunningWorker;
import io.taskercore.testing.Workflow;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Predicate;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import tools.jackson.databind.JsonNode;

/** What subscribers hear of tasks and steps: what the transition log says, in its order, and of the creation before. */
class TaskEventsTest {

  @RegisterExtension
  final Engine engine = Engine.start(Map.of("cancel_grace_ms", 50));

  private final List<Event> heard = new CopyOnWriteArrayList<>();
  private Subscription subscription;
  private Thread subscriber;

  @BeforeEach
  void subscribe() {
    subscription = engine.coordinator().events().subscribe("*");
    subscriber = new Thread(this::listen, "subscriber");
    subscriber.setDaemon(true);
    subscriber.start();
  }

  private void listen() {
    try {
      for (Event event = subscription.take(); event != null; event = subscription.take()) {
        heard.add(event);
      }
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  @AfterEach
  void theSubscriberEndsWithItsCoordinator() {
    engine.coordinator().close();
    Await.until("the end of the subscriber", () -> !subscriber.isAlive());
  }

  private static String line(Object stepId, Object from, Object to, Object attempt) {
    return "%s %s>%s #%s".formatted(stepId, from, to, attempt);
  }

  private static Object value(JsonNode entry, String key) {
    JsonNode value = entry.get(key);
    return value.isNull() ? null : value.isNumber() ? (Object) value.asLong() : value.asString();
  }

  /** The log, without entries for which there is no event. */
  private List<String> log(long taskId) {
    return StreamSupport.stream(engine.context(taskId).get("transitions").spliterator(), false)
        .filter(entry -> !entry.get("to_state").asString().equals("pending"))
        .map(entry -> line(
            value(entry, "step_id"), value(entry, "from_state"), value(entry, "to_state"), value(entry, "attempt")))
        .toList();
  }

  private List<String> told(long taskId) {
    return heard.stream()
        .filter(event -> event.taskId() == taskId && !event.name().equals("task.initialized"))
        .map(event -> line(event.stepId(), event.fromState(), event.toState(), event.attempt()))
        .toList();
  }

  private void assertToldAsLogged(long taskId) {
    assertToldAsLogged(taskId, List.of());
  }

  /** @param siblings ordinals of steps that have nothing to do with each other: two may claim them at once, in batches with others */
  private void assertToldAsLogged(long taskId, List<Integer> siblings) {
    List<String> log = log(taskId);
    Await.until("as many events as entries", () -> told(taskId).size() >= log.size());
    if (siblings.isEmpty()) {
      assertThat(told(taskId)).isEqualTo(log);
    }
    for (int one : siblings) {
      List<String> others = siblings.stream().filter(ordinal -> ordinal != one).map(ordinal -> (taskId << 16) + ordinal + " ").toList();
      Predicate<String> isTheirs = line -> others.stream().anyMatch(line::startsWith);
      assertThat(told(taskId)).filteredOn(isTheirs.negate()).isEqualTo(log.stream().filter(isTheirs.negate()).toList());
    }
    Event first = heard.stream().filter(event -> event.taskId() == taskId).findFirst().orElseThrow();
    assertThat(first.name()).isEqualTo("task.initialized");
    assertThat(heard).filteredOn(event -> event.taskId() == taskId).allSatisfy(event -> {
      assertThat(event.taskName()).isEqualTo("w");
      assertThat(event.correlationId()).isEqualTo(first.correlationId());
      assertThat(event.stepName() == null).isEqualTo(event.stepId() == null);
    });
  }

  @Test
  void ofARunWithRetries() {
    engine.handlers().succeed("b").on("a", attempt -> {
      if (attempt.attempt() < 3) {
        throw Failed.transiently("not yet");
      }
      return Json.EMPTY_OBJECT;
    });
    long taskId = engine.task(Workflow.named("w").stepWith("a", "\"retry\": {\"base_ms\": 1}").step("b", "a"));
    engine.run(taskId);

    assertToldAsLogged(taskId);
    assertThat(heard).filteredOn(event -> event.name().equals("step.retry_scheduled")).hasSize(2)
        .allSatisfy(event -> assertThat(event.data().text()).contains("\"next_run_at\"", "Transient: not yet"));
  }

  @Test
  void ofFailFastAndOfTheRevivalAfterIt() {
    engine.handlers().succeed("good").on("bad", attempt -> {
      throw Failed.permanently("no");
    });
    long taskId = engine.task(Workflow.named("w").failFast().step("bad").step("good", "bad"));
    engine.run(taskId);
    engine.coordinator().operators().resolveStep(engine.stepId(taskId, "bad"), "by hand", null);
    engine.run(taskId);

    assertToldAsLogged(taskId);
    assertThat(heard).extracting(Event::name)
        .contains("step.failed", "step.cancelled", "task.failed", "step.resolved_manually", "task.completed");
  }

  @Test
  void ofCancellationWhileAHandlerRuns() {
    Gate gate = Gate.closed();
    engine.handlers().on("a", gate).succeed("b");
    long taskId = engine.task(Workflow.named("w").step("a").step("b", "a"));
    try (Engine.Background run = engine.inBackground(taskId)) {
      gate.awaitEntered();
      engine.coordinator().operators().cancelTask(taskId, "enough");
      run.outcome();
    }

    assertToldAsLogged(taskId);
  }

  @Test
  void ofAHandlerThatIsBrokenOffWhenItsCoordinatorCloses() {
    Gate gate = Gate.closed();
    Handlers handlers = new Handlers().on("a", gate);
    Coordinator other = engine.another(handlers, Map.of("shutdown_timeout_ms", 50));
    long taskId = engine.task(Workflow.named("w").step("a"));
    Engine.Background run = Engine.inBackground(other, handlers, taskId, null);
    gate.awaitEntered();
    other.close();
    run.outcome();

    engine.awaitState(taskId, "a", "enqueued");
    assertToldAsLogged(taskId);
    assertThat(heard.get(heard.size() - 1).name()).isEqualTo("step.enqueued");
  }

  @Test
  void ofManyTasksThatManyThreadsWorkOn() {
    engine.handlers().succeed("a", "b", "c", "d");
    engine.register(Workflow.named("w").step("a").step("b", "a").step("c", "a").step("d", "b", "c"));
    List<Coordinator> coordinators = List.of(
        engine.coordinator(), engine.another(engine.handlers(), Map.of()), engine.another(engine.handlers(), Map.of()));
    List<RunningWorker> workers = new ArrayList<>();
    coordinators.forEach(coordinator -> workers.add(RunningWorker.start(coordinator, engine.handlers())));
    Json request = Json.of("{\"task_name\": \"w\"}");
    List<Long> taskIds = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      Engine.tree(coordinators.get(i % 3).tasks().initializeTasks(List.of(request, request, request, request, request)))
          .forEach(created -> taskIds.add(created.get("task_id").asLong()));
    }
    Await.until("the end of all tasks", () ->
        heard.stream().filter(event -> event.name().equals("task.completed")).count() == taskIds.size());
    workers.forEach(RunningWorker::close);

    taskIds.forEach(taskId -> assertToldAsLogged(taskId, List.of(1, 2)));
  }
}
