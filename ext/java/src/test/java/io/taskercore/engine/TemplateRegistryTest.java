package io.taskercore.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.taskercore.model.Json;
import io.taskercore.model.TaskerException;
import io.taskercore.testing.Engine;
import io.taskercore.testing.Handlers;
import io.taskercore.testing.Workflow;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/** Registration again and again, and which template a task follows. */
class TemplateRegistryTest {

  private static final Workflow ONE = Workflow.named("w").step("a");
  private static final Workflow OTHER = Workflow.named("w").step("a").step("b", "a");

  @RegisterExtension
  final Engine engine = Engine.start();

  private long templates() {
    return engine.database().number("SELECT count(*) FROM tasker.templates");
  }

  @Test
  void theAnswerSaysWhatWasRegistered() {
    JsonNode answer = engine.register(Workflow.named("w").namespace("ns").version("1.2.3").step("a").step("b"));

    assertThat(answer.get("namespace").asString()).isEqualTo("ns");
    assertThat(answer.get("name").asString()).isEqualTo("w");
    assertThat(answer.get("version").asString()).isEqualTo("1.2.3");
    assertThat(answer.get("step_count").asInt()).isEqualTo(2);
    assertThat(answer.get("template_id").isIntegralNumber()).isTrue();
  }

  @ParameterizedTest
  @ValueSource(strings = {"test", "production"})
  void theSameAgainChangesNothing(String environment) {
    engine.restart(Map.of("environment", environment));
    JsonNode first = engine.register(ONE);
    String reordered = ONE.json().text().replace("\"namespace\": \"default\", ", "").replace("\n", " ");

    JsonNode second = Engine.tree(engine.coordinator().tasks().registerTemplate(Json.of(reordered)));

    assertThat(second).isEqualTo(first);
    assertThat(templates()).isEqualTo(1);
  }

  @ParameterizedTest
  @ValueSource(strings = {"production", "staging"})
  void otherContentUnderTheSameVersionIsRefused(String environment) {
    engine.restart(Map.of("environment", environment));
    JsonNode first = engine.register(ONE);

    var refused = catchThrowableOfType(TaskerException.Validation.class, () -> engine.register(OTHER));

    assertThat(refused.violations()).singleElement()
        .satisfies(violation -> assertThat(violation.path()).isEqualTo("version"));
    assertThat(templates()).isEqualTo(1);
    assertThat(engine.register(ONE)).isEqualTo(first);
  }

  @ParameterizedTest
  @ValueSource(strings = {"test", "development"})
  void inTestAndDevelopmentNewTasksGetTheNewRevisionAndATaskStaysOnItsOwn(String environment) {
    engine.restart(Map.of("environment", environment));
    engine.handlers().succeed("a", "b");
    long before = engine.task(ONE);

    long after = engine.task(OTHER);

    assertThat(engine.run(before).get("total_steps").asInt()).isEqualTo(1);
    assertThat(engine.run(after).get("total_steps").asInt()).isEqualTo(2);
    assertThat(engine.database().column("SELECT revision FROM tasker.templates ORDER BY template_id")).containsExactly("1", "2");
  }

  @Test
  void theContentOfAnEarlierRevisionIsANewestRevisionAgain() {
    engine.register(ONE);
    engine.register(OTHER);

    long taskId = engine.task(ONE);

    assertThat(engine.context(taskId).get("total_steps").asInt()).isEqualTo(1);
    assertThat(templates()).isEqualTo(3);
  }

  @Test
  void aTaskStaysOnTheVersionThatItBeganWith() {
    engine.handlers().succeed("a", "b");
    long taskId = engine.task(ONE);
    engine.register(Workflow.named("w").version("2.0.0").stepWith("a", "\"handler\": \"missing\""));

    JsonNode outcome = engine.run(taskId);

    assertThat(outcome.get("status").asString()).isEqualTo("complete");
    assertThat(engine.context(taskId).get("version").asString()).isEqualTo("1.0.0");
  }

  private String versionTaken(String request) {
    long taskId = Engine.tree(engine.coordinator().tasks().initializeTask(Json.of(request))).get("task_id").asLong();
    return engine.context(taskId).get("version").asString();
  }

  @Test
  void withoutAVersionATaskTakesTheNewestReleaseAndNoPreRelease() {
    for (String version : List.of("1.9.0", "1.10.0", "2.0.0-rc.1", "1.2.0", "10.0.0-alpha", "1.11.0-beta+build")) {
      engine.register(Workflow.named("w").version(version).step("a"));
    }

    assertThat(versionTaken("{\"task_name\": \"w\"}")).isEqualTo("1.10.0");
    assertThat(versionTaken("{\"task_name\": \"w\", \"version\": \"2.0.0-rc.1\"}")).isEqualTo("2.0.0-rc.1");

    engine.register(Workflow.named("w").version("2.0.0").step("a"));
    assertThat(versionTaken("{\"task_name\": \"w\"}")).isEqualTo("2.0.0");
  }

  @Test
  void whereThereIsNoReleaseTheNewestPreReleaseIsTaken() {
    for (String version : List.of("1.0.0-alpha.2", "1.0.0-rc.1", "1.0.0-alpha.10", "0.9.0-rc.7")) {
      engine.register(Workflow.named("w").version(version).step("a"));
    }

    assertThat(versionTaken("{\"task_name\": \"w\"}")).isEqualTo("1.0.0-rc.1");
  }

  @Test
  void anotherProcessNeedsNoRegistrationAndSeesNewRevisions() {
    Handlers handlers = new Handlers().succeed("a", "b");
    Coordinator other = engine.otherProcess("other", handlers, Map.of());
    long before = engine.task(ONE);
    Engine.run(other, handlers, before, null);
    engine.register(OTHER);

    Json answer = other.tasks().initializeTask(Json.of("{\"task_name\": \"w\"}"));

    assertThat(Engine.tree(answer).get("step_count").asInt()).isEqualTo(2);
  }

  @Test
  void theEnvironmentsOverridesApply() {
    engine.handlers().succeed("mock");
    long taskId = engine.task(Workflow.named("w").step("a").environments("""
        {"test": {"steps": [{"name": "a", "handler": "mock"}]},
         "production": {"steps": [{"name": "a", "retry": {"max_attempts": 9}}]}}"""));

    engine.run(taskId);

    assertThat(engine.step(taskId, "a").get("handler").asString()).isEqualTo("mock");
    assertThat(engine.step(taskId, "a").get("max_attempts").asInt()).isEqualTo(3);
  }

  @Test
  void manyWhoRegisterTheSameAtOnceMakeOneTemplate() {
    List<CompletableFuture<JsonNode>> calls = IntStream.range(0, 8)
        .mapToObj(i -> CompletableFuture.supplyAsync(() -> engine.register(ONE), task -> new Thread(task).start()))
        .toList();

    assertThat(calls.stream().map(CompletableFuture::join).distinct()).hasSize(1);
    assertThat(templates()).isEqualTo(1);
  }

  @Test
  void aTemplateThatIsRefusedLeavesNoRow() {
    assertThatThrownBy(() -> engine.register(Workflow.named("w").step("a", "b").step("b", "a")))
        .isInstanceOf(TaskerException.Validation.class).hasMessageContaining("a").hasMessageContaining("b");

    assertThat(templates()).isZero();
    assertThat(engine.database().number("SELECT count(*) FROM tasker.template_steps")).isZero();
  }
}
