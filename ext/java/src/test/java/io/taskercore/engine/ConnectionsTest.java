package io.taskercore.engine;

import static org.assertj.core.api.Assertions.assertThat;

import com.zaxxer.hikari.HikariDataSource;
import io.taskercore.config.OrchestrationConfig;
import io.taskercore.model.Json;
import io.taskercore.store.Database;
import io.taskercore.store.Sessions;
import io.taskercore.testing.TestDatabase;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class ConnectionsTest {

  private final TestDatabase database = TestDatabase.create();

  @AfterEach
  void drop() {
    database.close();
  }

  @Test
  void a_sessions_zone_is_utc_whatever_the_jvms_is() throws SQLException {
    OrchestrationConfig config = OrchestrationConfig.fromJson(Json.of("{\"database_url\": \"" + database.url() + "\"}"));

    try (HikariDataSource pool = Connections.pool(config, new CurrentMode(config.connectionMode()), new SpoiltSessions(), Sessions.UNWATCHED)) {
      assertThat(zone(pool.getConnection())).isEqualTo("UTC");
    }
    try (var kept = Connections.kept(config, new CurrentMode(config.connectionMode()), Database.Watch.NOBODY, Sessions.UNWATCHED)) {
      assertThat(kept.<String>call(ConnectionsTest::zone)).isEqualTo("UTC");
    }
  }

  private static String zone(Connection connection) throws SQLException {
    try (Statement statement = connection.createStatement();
        ResultSet found = statement.executeQuery("SHOW TimeZone")) {
      found.next();
      return found.getString(1);
    }
  }
}
