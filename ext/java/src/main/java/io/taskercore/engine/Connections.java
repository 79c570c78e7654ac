package io.taskercore.engine;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import io.taskercore.config.ConnectionMode;
import io.taskercore.config.DatabaseUrl;
import io.taskercore.config.OrchestrationConfig;
import java.util.Map;
import org.postgresql.ds.PGSimpleDataSource;

/**
 * Connections to a database, as its {@link ConnectionMode} lets us have them.
 *
 * <p>Through a pooler no two transactions need be on the same session, so nothing is left on one: no settings, no prepared
 * statements. The server then plans each statement anew, which costs it time and gives, without our settings, plans that fit the
 * tables as they are.
 */
final class Connections {

  /**
   * The statements of the engine look rows up by their keys; a plan that was made while a table was small would scan it for
   * ever after. JIT compilation costs more than any of them.
   */
  private static final String SESSION = """
      SET plan_cache_mode = force_generic_plan;
      SET enable_seqscan = off;
      SET enable_hashjoin = off;
      SET enable_mergejoin = off;
      SET jit = off""";

  /** What we promise to run on; the driver, told so, asks and sets nothing more when it connects. */
  private static final String OLDEST_SERVER = "14";

  private Connections() {}

  /** Makes connections that belong to no pool. */
  static PGSimpleDataSource driver(OrchestrationConfig config) {
    DatabaseUrl url = config.databaseUrl();
    Map<String, String> given = url.properties();
    PGSimpleDataSource driver = new PGSimpleDataSource();
    driver.setURL(url.jdbcUrl());
    driver.setUser(url.user());
    driver.setPassword(url.password());
    if (!given.containsKey("tcpKeepAlive")) {
      driver.setTcpKeepAlive(true);
    }
    if (!given.containsKey("ApplicationName")) {
      driver.setApplicationName("tasker_core");
    }
    if (config.connectionMode() == ConnectionMode.POOLER) {
      driver.setPrepareThreshold(0);
      driver.setAssumeMinServerVersion(OLDEST_SERVER);
    }
    return driver;
  }

  static HikariDataSource pool(PGSimpleDataSource driver, OrchestrationConfig config) {
    HikariConfig hikari = new HikariConfig();
    hikari.setDataSource(driver);
    hikari.setPoolName("tasker " + config.databaseUrl().label());
    hikari.setMaximumPoolSize(config.databasePoolSize());
    hikari.setMinimumIdle(Math.min(2, config.databasePoolSize()));
    hikari.setIdleTimeout(60_000);
    hikari.setConnectionTimeout(config.connectionTimeoutMs());
    hikari.setInitializationFailTimeout(-1);
    if (config.connectionMode() == ConnectionMode.DIRECT) {
      hikari.setConnectionInitSql(SESSION);
    }
    return new HikariDataSource(hikari);
  }
}
