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
import java.util.ArrayList;
import java.util.List;
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

  @Test
  void where_a_pooler_is_found_later_a_lent_session_waits_for_no_server_for_ever() throws SQLException {
    assertThat(networkTimeoutOnceAPoolerIsFound(database.url())).containsExactly(0, 30_000, 30_000);
  }

  @Test
  void a_time_out_of_the_url_is_left_alone() throws SQLException {
    String url = database.url() + (database.url().contains("?") ? "&" : "?") + "socketTimeout=0";
    assertThat(networkTimeoutOnceAPoolerIsFound(url)).containsExactly(0, 0, 0);
  }

  /** Of the pool's first session before and after, and of one that is new. */
  private static List<Integer> networkTimeoutOnceAPoolerIsFound(String url) throws SQLException {
    OrchestrationConfig config = OrchestrationConfig.fromJson(Json.of("{\"database_url\": \"" + url + "\"}"));
    CurrentMode mode = new CurrentMode(config.connectionMode());
    List<Integer> found = new ArrayList<>();
    try (HikariDataSource pool = Connections.pool(config, mode, new SpoiltSessions(), new Sessions())) {
      try (Connection connection = pool.getConnection()) {
        found.add(connection.getNetworkTimeout());
      }
      mode.poolerFound();
      try (Connection connection = pool.getConnection()) {
        found.add(connection.getNetworkTimeout());
      }
      pool.getHikariPoolMXBean().softEvictConnections();
      try (Connection connection = pool.getConnection()) {
        found.add(connection.getNetworkTimeout());
      }
    }
    return found;
  }

  private static String zone(Connection connection) throws SQLException {
    try (Statement statement = connection.createStatement();
        ResultSet found = statement.executeQuery("SHOW TimeZone")) {
      found.next();
      return found.getString(1);
    }
  }
}
