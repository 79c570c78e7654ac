package io.taskercore.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.taskercore.model.Json;
import io.taskercore.model.TaskerException;
import io.taskercore.testing.Engine;
import io.taskercore.testing.Workflow;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/** From a request to a task: what is written, what is refused, and that a refusal leaves nothing behind. */
class InitializeTest {

  private static final Workflow ORDER = Workflow.named("order").step("a").step("b", "a").inputSchema("""
      {"type": "object", "required": ["order_id"], "properties": {"order_id": {"type": "integer"}}}""");

  @RegisterExtension
  final Engine engine = Engine.start();

  private static String order(int orderId) {
    return "{\"task_name\": \"order\", \"payload\": {\"order_id\": " + orderId + "}}";
  }

  private JsonNode initializeAll(List<String> requests) {
    return Engine.tree(engine.coordinator().tasks().initializeTasks(requests.stream().map(Json::of).toList()));
  }

  @Test
  void aNewTaskIsPendingWithItsRootsEnqueuedAndWithoutATransition() {
    engine.register(ORDER);

    JsonNode answer = engine.initialize(order(1));

    assertThat(answer.get("created").asBoolean()).isTrue();
    assertThat(answer.get("status").asString()).isEqualTo("pending");
    assertThat(answer.get("step_count").asInt()).isEqualTo(2);
    assertThat(answer.get("errors")).isEmpty();
    JsonNode context = engine.context(answer.get("task_id").asLong());
    assertThat(context.get("status").asString()).isEqualTo("pending");
    assertThat(Engine.step(context, "a").get("state").asString()).isEqualTo("enqueued");
    assertThat(Engine.step(context, "b").get("state").asString()).isEqualTo("pending");
    assertThat(Engine.step(context, "b").get("depends_on").get(0).asString()).isEqualTo("a");
    assertThat(context.get("transitions")).isEmpty();
  }

  @Test
  void stepIdsAreMadeOfTheTasksIdAndTheOrdinal() {
    long taskId = engine.task(Workflow.named("w").step("a").step("b", "a"));

    assertThat(engine.stepId(taskId, "a")).isEqualTo(taskId * 65_536);
    assertThat(engine.stepId(taskId, "b")).isEqualTo(taskId * 65_536 + 1);
  }

  @Test
  void everythingThatARequestSaysIsKept() {
    engine.register(ORDER);

    long taskId = engine.initialize("""
        {"task_name": "order", "payload": {"order_id": 1}, "priority": -7, "correlation_id": "c-1", "tags": ["x", "y \\"z\\""],
         "initiator": "me", "reason": "because", "idempotency_key": "k", "run_at": "2030-01-31T12:00:00+02:00"}""")
        .get("task_id").asLong();

    JsonNode context = engine.context(taskId);
    assertThat(context.get("priority").asInt()).isEqualTo(-7);
    assertThat(context.get("correlation_id").asString()).isEqualTo("c-1");
    assertThat(StreamSupport.stream(context.get("tags").spliterator(), false).map(JsonNode::asString))
        .containsExactly("x", "y \"z\"");
    assertThat(context.get("initiator").asString()).isEqualTo("me");
    assertThat(context.get("reason").asString()).isEqualTo("because");
    assertThat(context.get("idempotency_key").asString()).isEqualTo("k");
    assertThat(Engine.step(context, "a").get("next_run_at").asString()).isEqualTo("2030-01-31T10:00:00.000Z");
    assertThat(engine.database().value("SELECT priority FROM tasker.step_queue")).isEqualTo("-7");
    assertThat(engine.database().value("SELECT run_at = '2030-01-31T10:00:00Z' FROM tasker.step_queue")).isEqualTo("t");
  }

  @Test
  void theCorrelationIdIsAUuidOfVersionSevenWhereNoneIsGiven() {
    engine.register(ORDER);

    long taskId = engine.initialize(order(1)).get("task_id").asLong();

    assertThat(engine.context(taskId).get("correlation_id").asString())
        .matches("[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}");
  }

  @Test
  void aPayloadIsKeptAsItWasWritten() {
    engine.register(Workflow.named("w").step("a"));
    String payload = "{\"b\":1e20,  \"a\":1.0,\"n\":18446744073709551617,\"u\":\"é\\u2028\"}";

    engine.initialize("{\"task_name\": \"w\", \"payload\": " + payload + "}");

    assertThat(engine.database().value("SELECT payload FROM tasker.tasks")).isEqualTo(payload);
  }

  @Test
  void nothingRunsBeforeRunAt() {
    engine.handlers().succeed("a", "b");
    engine.register(ORDER);
    Instant runAt = Instant.now().plusMillis(700).truncatedTo(ChronoUnit.MILLIS);
    long taskId = engine.initialize(
        order(1).replace("}}", "}, \"run_at\": \"" + runAt + "\"}")).get("task_id").asLong();

    JsonNode early = engine.run(taskId, 50L);
    JsonNode done = engine.run(taskId);

    assertThat(early.get("status").asString()).isEqualTo("pending");
    assertThat(Instant.parse(early.get("next_run_at").asString())).isEqualTo(runAt);
    assertThat(done.get("status").asString()).isEqualTo("complete");
    assertThat(Instant.parse(engine.step(taskId, "a").get("started_at").asString())).isAfterOrEqualTo(runAt);
  }

  @ParameterizedTest
  @ValueSource(strings = {
    "{}",
    "[]",
    "{\"task_name\": 1}",
    "{\"task_name\": \"order\", \"payload\": []}",
    "{\"task_name\": \"order\", \"payload\": {}}",
    "{\"task_name\": \"order\", \"payload\": {\"order_id\": \"1\"}}",
    "{\"task_name\": \"order\", \"payload\": {\"order_id\": 1}, \"idempotency_key\": \"k\", \"priority\": 101}",
    "{\"task_name\": \"order\", \"payload\": {\"order_id\": 1}, \"idempotency_key\": \"k\", \"prioritty\": 1}",
    "{\"task_name\": \"order\", \"payload\": {\"order_id\": 1}, \"run_at\": \"tomorrow\"}",
    "{\"task_name\": \"order\", \"payload\": {\"order_id\": 1}, \"version\": \"one\"}",
    "{\"task_name\": \"order\", \"payload\": {\"order_id\": 1}",
  })
  void aBadRequestIsAValidationErrorAndLeavesNoRow(String request) {
    engine.register(ORDER);

    assertThatThrownBy(() -> engine.initialize(request)).isInstanceOf(TaskerException.Validation.class);

    assertThat(engine.database().rowsOfTasks()).isZero();
  }

  @Test
  void theInputSchemaNamesThePath() {
    engine.register(ORDER);

    var refused = catchThrowableOfType(TaskerException.Validation.class,
        () -> engine.initialize("{\"task_name\": \"order\", \"payload\": {\"order_id\": \"x\"}}"));

    assertThat(refused.violations()).singleElement()
        .satisfies(violation -> assertThat(violation.path()).isEqualTo("payload.order_id"));
  }

  @Test
  void anUnknownTemplateIsSaidToBeUnknownWithTheVersionsThatThereAre() {
    engine.register(Workflow.named("order").version("1.0.0").step("a"));
    engine.register(Workflow.named("order").version("2.0.0").step("a"));

    assertThatThrownBy(() -> engine.initialize("{\"task_name\": \"ordre\"}"))
        .isInstanceOf(TaskerException.TemplateNotFound.class).hasMessageContaining("ordre");
    assertThatThrownBy(() -> engine.initialize("{\"task_name\": \"order\", \"namespace\": \"other\"}"))
        .isInstanceOf(TaskerException.TemplateNotFound.class).hasMessageContaining("other");
    assertThatThrownBy(() -> engine.initialize("{\"task_name\": \"order\", \"version\": \"3.0.0\"}"))
        .isInstanceOf(TaskerException.TemplateNotFound.class).hasMessageContaining("2.0.0, 1.0.0");
    assertThat(engine.database().rowsOfTasks()).isZero();
  }

  @Test
  void withoutAVersionTheHighestReleaseBySemanticVersioningIsTaken() {
    List<String> ascending = List.of("0.9.9", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta.2",
        "1.0.0-beta.11", "1.0.0-rc.1", "1.0.0", "1.2.0", "1.10.0", "2.0.0-rc.1", "10.0.0");
    List<String> shuffled = new ArrayList<>(ascending);
    Collections.shuffle(shuffled, new Random(7));
    List<String> registered = new ArrayList<>();

    for (String version : shuffled) {
      engine.register(Workflow.named("w").version(version).step("a"));
      registered.add(version);

      long taskId = engine.initialize("{\"task_name\": \"w\"}").get("task_id").asLong();

      List<String> releases = registered.stream().filter(known -> !known.contains("-")).toList();
      List<String> wanted = releases.isEmpty() ? registered : releases;
      String highest = ascending.stream().filter(wanted::contains).reduce((lower, higher) -> higher).orElseThrow();
      assertThat(engine.context(taskId).get("version").asString()).isEqualTo(highest);
    }
  }

  @Test
  void aVersionThatIsNamedIsTaken() {
    engine.register(Workflow.named("w").version("1.0.0").step("a"));
    engine.register(Workflow.named("w").version("2.0.0").step("a").step("b"));

    JsonNode answer = engine.initialize("{\"task_name\": \"w\", \"version\": \"1.0.0\"}");

    assertThat(answer.get("step_count").asInt()).isEqualTo(1);
  }

  @Test
  void aPayloadOverTheLimitIsRefused() {
    engine.restart(Map.of("max_payload_bytes", 2_000));
    engine.register(Workflow.named("w").step("a"));

    assertThatThrownBy(() -> engine.initialize(
        "{\"task_name\": \"w\", \"payload\": {\"x\": \"" + "y".repeat(2_000) + "\"}}"))
        .isInstanceOf(TaskerException.Validation.class).hasMessageContaining("payload").hasMessageContaining("2,000");
  }

  @Test
  void aBatchAnswersInTheOrderGiven() {
    engine.register(ORDER);
    engine.register(Workflow.named("other").step("x").step("y").step("z"));
    List<String> requests = IntStream.range(0, 30)
        .mapToObj(i -> i % 3 == 0 ? "{\"task_name\": \"other\", \"priority\": " + i + "}"
            : order(i).replace("}}", "}, \"priority\": " + i + "}"))
        .toList();

    JsonNode answers = initializeAll(requests);

    assertThat(answers).hasSize(30);
    for (int i = 0; i < 30; i++) {
      assertThat(answers.get(i).get("step_count").asInt()).isEqualTo(i % 3 == 0 ? 3 : 2);
      assertThat(engine.context(answers.get(i).get("task_id").asLong()).get("priority").asInt()).isEqualTo(i);
    }
    assertThat(initializeAll(List.of())).isEmpty();
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', value = {
    "{\"task_name\": \"order\", \"payload\": {\"order_id\": \"x\"}} | [17].payload.order_id",
    "{\"task_name\": \"order\", \"payload\": 5}                     | [17].payload",
    "{\"task_name\": \"order\", \"priority\": 1000}                 | [17].priority",
    "{\"payload\": {}}                                              | [17].task_name",
    "7                                                              | [17]",
  })
  void oneBadRequestRefusesTheWholeBatchAndIsNamed(String bad, String path) {
    engine.register(ORDER);
    List<String> requests = new ArrayList<>(IntStream.range(0, 25)
        .mapToObj(i -> order(i).replace("}}", "}, \"idempotency_key\": \"k" + i + "\"}")).toList());
    requests.set(17, bad);

    var refused = catchThrowableOfType(TaskerException.Validation.class, () -> initializeAll(requests));

    assertThat(refused.violations()).singleElement()
        .satisfies(violation -> assertThat(violation.path()).isEqualTo(path));
    assertThat(engine.database().rowsOfTasks()).isZero();
  }

  @Test
  void aBatchWithAnUnknownTemplateLeavesNoRow() {
    engine.register(ORDER);

    assertThatThrownBy(() -> initializeAll(List.of(order(1), "{\"task_name\": \"nobody\"}")))
        .isInstanceOf(TaskerException.TemplateNotFound.class);

    assertThat(engine.database().rowsOfTasks()).isZero();
  }

  @Test
  void aBatchMayHoldThousands() {
    engine.register(ORDER);
    int count = 4_000;

    JsonNode answers = initializeAll(IntStream.range(0, count).mapToObj(InitializeTest::order).toList());

    assertThat(answers).hasSize(count);
    assertThat(engine.database().number("SELECT count(*) FROM tasker.tasks")).isEqualTo(count);
    assertThat(engine.database().number("SELECT count(*) FROM tasker.workflow_steps")).isEqualTo(2 * count);
    assertThat(engine.database().number("SELECT count(DISTINCT payload::text) FROM tasker.tasks")).isEqualTo(count);
    long last = answers.get(count - 1).get("task_id").asLong();
    assertThat(engine.context(last).get("payload").get("order_id").asInt()).isEqualTo(count - 1);
  }

  @Test
  void onTheCallersConnectionARollbackLeavesNothingAndACommitShowsTheTask() throws SQLException {
    engine.register(ORDER);
    Json request = Json.of(order(1).replace("}}", "}, \"idempotency_key\": \"k\"}"));

    try (Connection connection = engine.database().dataSource().getConnection()) {
      connection.setAutoCommit(false);
      engine.coordinator().tasks().initializeTask(request, connection);
      engine.coordinator().tasks().initializeTasks(List.of(Json.of(order(2)), Json.of(order(3))), connection);
      connection.rollback();
      assertThat(engine.database().rowsOfTasks()).isZero();

      JsonNode answer = Engine.tree(engine.coordinator().tasks().initializeTask(request, connection));
      long taskId = answer.get("task_id").asLong();
      assertThatThrownBy(() -> engine.context(taskId)).isInstanceOf(TaskerException.TaskNotFound.class);
      connection.commit();
      assertThat(answer.get("created").asBoolean()).isTrue();
      assertThat(engine.status(taskId)).isEqualTo("pending");
      assertThat(connection.getAutoCommit()).isFalse();
    }
  }

  @Test
  void aRefusalOnTheCallersConnectionLeavesItsTransactionUsable() throws SQLException {
    engine.register(ORDER);

    try (Connection connection = engine.database().dataSource().getConnection()) {
      connection.setAutoCommit(false);
      assertThatThrownBy(() -> engine.coordinator().tasks().initializeTask(Json.of("{\"task_name\": \"nobody\"}"), connection))
          .isInstanceOf(TaskerException.TemplateNotFound.class);
      engine.coordinator().tasks().initializeTask(Json.of(order(1)), connection);
      connection.commit();
    }

    assertThat(engine.database().number("SELECT count(*) FROM tasker.tasks")).isEqualTo(1);
  }

  /** As an ActiveRecord connection is outside of a transaction. */
  @Test
  void aConnectionThatCommitsByItselfGetsTheTaskAsAWhole() throws SQLException {
    engine.register(ORDER);

    try (Connection connection = engine.database().dataSource().getConnection()) {
      engine.coordinator().tasks().initializeTask(
          Json.of(order(1).replace("}}", "}, \"idempotency_key\": \"k\"}")), connection);
      assertThat(connection.getAutoCommit()).isTrue();
    }

    assertThat(engine.database().number("SELECT count(*) FROM tasker.tasks")).isEqualTo(1);
    assertThat(engine.database().number("SELECT count(*) FROM tasker.idempotency_keys")).isEqualTo(1);
  }
}
