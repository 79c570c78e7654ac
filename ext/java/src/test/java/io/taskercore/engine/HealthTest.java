package io.taskercore.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.taskercore.model.TaskerException;
import io.taskercore.testing.Await;
import io.taskercore.testing.Engine;
import io.taskercore.testing.Gate;
import io.taskercore.testing.Handlers;
import io.taskercore.testing.RunningWorker;
import io.taskercore.testing.Workflow;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import tools.jackson.databind.JsonNode;

/** Where nothing moves, health says so, and why. */
class HealthTest {

  @RegisterExtension
  final Engine engine = Engine.start();

  /** A role that may have few sessions, fewer than a pool, a listener and a lease need. */
  @Test
  void aProcessWhoseLeaseGetsNoSessionIsDownAndNamesTheLimit() {
    String role = "few_" + UUID.randomUUID().toString().replace("-", "");
    engine.database().execute("CREATE ROLE " + role + " LOGIN CONNECTION LIMIT 2; GRANT USAGE ON SCHEMA tasker TO " + role
        + "; GRANT ALL ON ALL TABLES IN SCHEMA tasker TO " + role + "; GRANT ALL ON ALL SEQUENCES IN SCHEMA tasker TO " + role);
    try {
      Handlers handlers = new Handlers().succeed("a");
      Coordinator few = engine.as(role, handlers, Map.of("database_pool_size", 2, "poll_interval_ms", 50));
      long taskId = engine.task(Workflow.named("w").step("a"));
      Await.until("the pool has taken both sessions", () -> engine.database().number(
          "SELECT count(*) FROM pg_stat_activity WHERE usename = '" + role + "'") == 2);
      try (RunningWorker worker = RunningWorker.start(few, handlers)) {
        assertThat(worker.worker().isRunning()).isTrue();

        Await.until("health is down", () -> status(few).equals("down"));

        assertThat(few.questions().health().text()).contains("nothing can be claimed", "too many connections for role", "session of its own");
        assertThat(engine.state(taskId, "a")).isEqualTo("enqueued");
        engine.database().execute("ALTER ROLE " + role + " CONNECTION LIMIT 10");
        Await.until("it works", () -> engine.status(taskId).equals("complete"));
        Await.until("health is ok", () -> status(few).equals("ok"));
      }
      few.close();
    } finally {
      engine.database().execute("DROP OWNED BY " + role + "; DROP ROLE " + role);
    }
  }

  @Test
  void rightsThatTheUserLacksAreNamedWithTheirGrants() {
    String role = "poor_" + UUID.randomUUID().toString().replace("-", "");
    engine.database().execute("CREATE ROLE " + role + " LOGIN; GRANT USAGE ON SCHEMA tasker TO " + role
        + "; GRANT SELECT ON ALL TABLES IN SCHEMA tasker TO " + role);
    try {
      Coordinator poor = engine.as(role, new Handlers(), Map.of("database_pool_size", 2));

      assertThat(status(poor)).isEqualTo("down");
      assertThat(poor.questions().health().text()).contains(
          "lacks rights", "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA tasker; GRANT USAGE ON ALL SEQUENCES IN SCHEMA tasker TO");

      engine.database().execute("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA tasker TO " + role
          + "; GRANT USAGE ON ALL SEQUENCES IN SCHEMA tasker TO " + role);
      assertThat(status(poor)).isEqualTo("ok");
      Handlers handlers = new Handlers().succeed("a");
      Coordinator able = engine.as(role, handlers, Map.of("database_pool_size", 2));
      long taskId = engine.task(Workflow.named("w").step("a"));
      assertThat(Engine.run(able, handlers, taskId, null).get("status").asString()).isEqualTo("complete");
      able.close();
      poor.close();
    } finally {
      engine.database().execute("DROP OWNED BY " + role + "; DROP ROLE " + role);
    }
  }

  @Test
  void aSchemaThatIsGoneIsTold() {
    engine.database().execute("ALTER SCHEMA tasker RENAME TO gone");
    try {
      assertThat(status(engine.coordinator())).isEqualTo("down");
      assertThat(engine.coordinator().questions().health().text()).contains("no schema tasker any more", "`tasker migrate`");
      assertThatThrownBy(() -> engine.initialize("{\"task_name\": \"w\"}"))
          .isInstanceOf(TaskerException.Database.class).hasMessageContaining("the schema tasker is gone");
    } finally {
      engine.database().execute("ALTER SCHEMA gone RENAME TO tasker");
    }
    assertThat(status(engine.coordinator())).isEqualTo("ok");
  }

  @Test
  void handlersThatHeedNoInterruptAreNamedAndWhereTheyHaveAllPlacesItIsDown() {
    Gate deaf = Gate.deaf("{}");
    Handlers handlers = new Handlers().on("a", deaf);
    Coordinator two = engine.another(handlers, Map.of("max_parallel_steps", 2, "poll_interval_ms", 50));
    Workflow workflow = Workflow.named("w").stepWith("a", "\"timeout_ms\": 20, \"retry\": {\"max_attempts\": 1}");
    engine.register(workflow);
    try (RunningWorker worker = RunningWorker.start(two, handlers)) {
      assertThat(worker.worker().isRunning()).isTrue();
      long first = engine.task(workflow);

      Await.until("one is known to be deaf", () -> status(two).equals("degraded"));

      assertThat(two.questions().health().text()).contains("1 of 2 places", "heed no interrupt", "step " + engine.stepId(first, "a"), "Gate.pass");
      assertThat(Engine.tree(two.questions().performanceMetrics()).get("deaf_handlers").asInt()).isEqualTo(1);
      engine.task(workflow);
      Await.until("all places are taken", () -> status(two).equals("down"));
      assertThat(two.questions().health().text()).contains("2 of 2 places", "nothing begins any more");

      deaf.openAndAwaitLeft();
      Await.until("they have ended", () -> status(two).equals("ok"));
      assertThat(Engine.tree(two.questions().performanceMetrics()).get("deaf_handlers").asInt()).isZero();
    }
    two.close();
  }

  private static String status(Coordinator coordinator) {
    JsonNode health = Engine.tree(coordinator.questions().health());
    return health.get("status").asString();
  }
}
