package io.taskercore.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.taskercore.model.Json;
import io.taskercore.model.TaskerException;
import io.taskercore.testing.Await;
import io.taskercore.testing.Engine;
import io.taskercore.testing.Workflow;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/** The same request twice makes one task. */
class IdempotencyTest {

  @RegisterExtension
  final Engine engine = Engine.start();

  @BeforeEach
  void workflow() {
    engine.handlers().succeed("a");
    engine.register(Workflow.named("w").step("a"));
  }

  private static String keyed(String key, String payload) {
    return "{\"task_name\": \"w\", \"idempotency_key\": \"" + key + "\", \"payload\": " + payload + "}";
  }

  private long tasks() {
    return engine.database().number("SELECT count(*) FROM tasker.tasks");
  }

  @ParameterizedTest
  @ValueSource(strings = {
    "{\"a\": 1, \"b\": {\"c\": [1, 2], \"d\": null}}",
    "{\"b\":{\"d\":null,\"c\":[1,2]},\"a\":1}",
    "{ \"b\" : { \"d\" : null, \"c\" : [ 1.0, 2 ] }, \"a\" : 1 }",
  })
  void theSamePayloadGetsTheFirstTaskAndItsStatusOfNow(String again) {
    JsonNode first = engine.initialize(keyed("k", "{\"a\": 1, \"b\": {\"c\": [1, 2], \"d\": null}}"));
    engine.run(first.get("task_id").asLong());

    JsonNode second = engine.initialize(keyed("k", again));

    assertThat(second.get("created").asBoolean()).isFalse();
    assertThat(second.get("task_id")).isEqualTo(first.get("task_id"));
    assertThat(second.get("step_count").asInt()).isEqualTo(1);
    assertThat(second.get("status").asString()).isEqualTo("complete");
    assertThat(tasks()).isEqualTo(1);
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', value = {"{}", "{\"a\": 2}", "{\"a\": [2, 1]}", "{\"a\": \"1\"}", "{\"a\": 1, \"b\": null}"})
  void anotherPayloadIsAConflictAndLeavesNoRow(String other) {
    long first = engine.initialize(keyed("k", "{\"a\": 1}")).get("task_id").asLong();
    long rows = engine.database().rowsOfTasks();

    var conflict = catchThrowableOfType(
        TaskerException.IdempotencyConflict.class, () -> engine.initialize(keyed("k", other)));

    assertThat(conflict.violation().path()).isEqualTo("idempotency_key");
    assertThat(conflict).hasMessageContaining("\"k\"").hasMessageContaining(String.valueOf(first));
    assertThat(engine.database().rowsOfTasks()).isEqualTo(rows);
  }

  @Test
  void arraysInAnotherOrderAreAnotherPayload() {
    engine.initialize(keyed("k", "{\"a\": [1, 2]}"));

    assertThatThrownBy(() -> engine.initialize(keyed("k", "{\"a\": [2, 1]}")))
        .isInstanceOf(TaskerException.IdempotencyConflict.class);
  }

  @Test
  void aKeyIsFreeInAnotherNamespaceAndUnderAnotherNameButNotInAnotherVersion() {
    engine.register(Workflow.named("w").namespace("other").step("a"));
    engine.register(Workflow.named("v").step("a"));
    long first = engine.initialize(keyed("k", "{}")).get("task_id").asLong();

    JsonNode otherNamespace =
        engine.initialize("{\"namespace\": \"other\", \"task_name\": \"w\", \"idempotency_key\": \"k\", \"payload\": {\"x\": 1}}");
    JsonNode otherName = engine.initialize("{\"task_name\": \"v\", \"idempotency_key\": \"k\", \"payload\": {\"x\": 1}}");
    engine.register(Workflow.named("w").version("2.0.0").step("a").step("b"));
    JsonNode otherVersion = engine.initialize(keyed("k", "{}"));

    assertThat(otherNamespace.get("created").asBoolean()).isTrue();
    assertThat(otherName.get("created").asBoolean()).isTrue();
    assertThat(otherVersion.get("created").asBoolean()).isFalse();
    assertThat(otherVersion.get("task_id").asLong()).isEqualTo(first);
    assertThat(otherVersion.get("step_count").asInt()).isEqualTo(1);
  }

  @Test
  void aSchemaThatHasBecomeStricterSinceDoesNotHideTheTaskThatTheKeyHasMade() {
    long first = engine.initialize(keyed("k", "{\"a\": 1}")).get("task_id").asLong();
    engine.register(Workflow.named("w").version("2.0.0").inputSchema("{\"required\": [\"b\"]}").step("a"));

    JsonNode again = engine.initialize(keyed("k", "{\"a\": 1}"));

    assertThat(again.get("task_id").asLong()).isEqualTo(first);
    assertThat(again.get("created").asBoolean()).isFalse();
    assertThatThrownBy(() -> engine.initialize(keyed("other", "{\"a\": 1}"))).isInstanceOf(TaskerException.Validation.class);
    assertThatThrownBy(() -> engine.initialize(keyed("k", "{\"a\": 2}"))).isInstanceOf(TaskerException.IdempotencyConflict.class);
    assertThat(tasks()).isEqualTo(1);
  }

  @Test
  void withoutAKeyEveryRequestIsATaskOfItsOwn() {
    engine.initialize("{\"task_name\": \"w\"}");
    engine.initialize("{\"task_name\": \"w\"}");

    assertThat(tasks()).isEqualTo(2);
  }

  @Test
  void manyAtOnceMakeOneTask() {
    int threads = 8;
    CyclicBarrier together = new CyclicBarrier(threads);

    List<CompletableFuture<JsonNode>> calls = IntStream.range(0, threads)
        .<CompletableFuture<JsonNode>>mapToObj(i -> CompletableFuture.supplyAsync(() -> {
          await(together);
          return engine.initialize(keyed("k", i % 2 == 0 ? "{\"a\": 1, \"b\": 2}" : "{\"b\": 2, \"a\": 1}"));
        }, task -> new Thread(task).start()))
        .toList();
    List<JsonNode> answers = calls.stream().map(CompletableFuture::join).toList();

    assertThat(answers.stream().map(answer -> answer.get("task_id").asLong()).distinct()).hasSize(1);
    assertThat(answers.stream().filter(answer -> answer.get("created").asBoolean())).hasSize(1);
    assertThat(tasks()).isEqualTo(1);
  }

  private static void await(CyclicBarrier barrier) {
    try {
      barrier.await(Await.SECONDS, TimeUnit.SECONDS);
    } catch (Exception failure) {
      throw new IllegalStateException(failure);
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void whoeverComesWhileTheKeyIsBeingTakenWaitsForHowThatEnds(boolean commit) throws SQLException {
    Json request = Json.of(keyed("k", "{}"));
    try (Connection connection = engine.database().dataSource().getConnection()) {
      connection.setAutoCommit(false);
      JsonNode first = Engine.tree(engine.coordinator().tasks().initializeTask(request, connection));

      CompletableFuture<JsonNode> second =
          CompletableFuture.supplyAsync(() -> Engine.tree(engine.coordinator().tasks().initializeTask(request)));
      Await.until("the second waits", () -> engine.database().number(
          "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'") == 1);
      if (commit) {
        connection.commit();
      } else {
        connection.rollback();
      }

      assertThat(second.join().get("created").asBoolean()).isEqualTo(!commit);
      assertThat(second.join().get("task_id").equals(first.get("task_id"))).isEqualTo(commit);
      assertThat(tasks()).isEqualTo(1);
    }
  }

  @Test
  void theSameKeyTwiceInOneBatchMakesOneTask() {
    JsonNode answers = Engine.tree(engine.coordinator().tasks().initializeTasks(List.of(
        Json.of(keyed("k", "{\"a\": 1}")), Json.of("{\"task_name\": \"w\"}"), Json.of(keyed("k", "{\"a\":1}")))));

    assertThat(StreamSupport.stream(answers.spliterator(), false).map(answer -> answer.get("created").asBoolean()))
        .containsExactly(true, true, false);
    assertThat(answers.get(2).get("task_id")).isEqualTo(answers.get(0).get("task_id"));
    assertThat(tasks()).isEqualTo(2);
  }

  @Test
  void aConflictWithinABatchRefusesAllOfIt() {
    var conflict = catchThrowableOfType(TaskerException.IdempotencyConflict.class,
        () -> engine.coordinator().tasks().initializeTasks(
            List.of(Json.of(keyed("k", "{\"a\": 1}")), Json.of(keyed("k", "{\"a\": 2}")))));

    assertThat(conflict.violation().path()).isEqualTo("[1].idempotency_key");
    assertThat(engine.database().rowsOfTasks()).isZero();
  }

  @Test
  void aConflictWithAnEarlierTaskRefusesTheWholeBatchOnTheCallersConnectionToo() throws SQLException {
    engine.initialize(keyed("k", "{\"a\": 1}"));
    long rows = engine.database().rowsOfTasks();

    try (Connection connection = engine.database().dataSource().getConnection()) {
      connection.setAutoCommit(false);
      List<Json> batch = List.of(Json.of(keyed("new", "{}")), Json.of("{\"task_name\": \"w\"}"), Json.of(keyed("k", "{}")));
      assertThatThrownBy(() -> engine.coordinator().tasks().initializeTasks(batch, connection))
          .isInstanceOf(TaskerException.IdempotencyConflict.class).hasMessageContaining("[2].idempotency_key");
      connection.commit();
    }

    assertThat(engine.database().rowsOfTasks()).isEqualTo(rows);
  }

  @Test
  void batchesWithTheSameKeysInOppositeOrderDoNotLockEachOtherOut() {
    List<Json> forwards = IntStream.range(0, 200).mapToObj(i -> Json.of(keyed("k" + i, "{}"))).toList();
    List<Json> backwards = new ArrayList<>(forwards);
    Collections.reverse(backwards);
    CyclicBarrier together = new CyclicBarrier(4);

    List<CompletableFuture<Json>> calls = IntStream.range(0, 4)
        .<CompletableFuture<Json>>mapToObj(i -> CompletableFuture.supplyAsync(() -> {
          await(together);
          return engine.coordinator().tasks().initializeTasks(i % 2 == 0 ? forwards : backwards);
        }, task -> new Thread(task).start()))
        .toList();
    calls.forEach(CompletableFuture::join);

    assertThat(tasks()).isEqualTo(200);
  }
}
