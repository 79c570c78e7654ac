package io.taskercore.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.taskercore.testing.Engine;
import io.taskercore.testing.Workflow;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A role or a database may have another level of isolation as its default; what the engine needs it sets itself. */
class IsolationTest {

  @ParameterizedTest
  @ValueSource(strings = {"repeatable read", "serializable"})
  void theDefaultOfADatabaseDoesNotHoldForUs(String theirs) {
    try (Engine engine = Engine.start()) {
      String database = "ALTER DATABASE " + engine.database().name();
      engine.database().execute(database + " SET default_transaction_isolation = '" + theirs + "'");
      try {
        runOn(engine);
      } finally {
        // The database serves other tests afterwards.
        engine.database().execute(database + " RESET default_transaction_isolation");
      }
    }
  }

  private static void runOn(Engine engine) {
    engine.handlers().succeed("a", "b", "c", "join");
    engine.database().endSessions();
    long taskId = engine.task(Workflow.named("w").step("a").step("b", "a").step("c", "a").step("join", "b", "c"));
    engine.run(taskId);

    assertThat(engine.status(taskId)).isEqualTo("complete");
    String level = engine.coordinator().runtime().database().call(IsolationTest::level);
    assertThat(level).isEqualTo("read committed");
  }

  private static String level(Connection connection) throws SQLException {
    try (Statement statement = connection.createStatement(); ResultSet row = statement.executeQuery("SHOW transaction_isolation")) {
      row.next();
      return row.getString(1);
    }
  }
}
