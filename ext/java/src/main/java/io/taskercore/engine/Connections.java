package io.taskercore.engine;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import io.taskercore.config.ConnectionMode;
import io.taskercore.config.DatabaseUrl;
import io.taskercore.config.OrchestrationConfig;
import io.taskercore.engine.DriverConnections.SessionSetup;
import io.taskercore.model.Format;
import io.taskercore.model.TaskerException;
import io.taskercore.store.ConnectionFailure;
import io.taskercore.store.Database;
import io.taskercore.store.KeptConnection;
import io.taskercore.store.Migrations;
import io.taskercore.store.PoolerProbe;
import io.taskercore.store.SessionProbe;
import io.taskercore.store.Sessions;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.postgresql.PGConnection;
import org.postgresql.ds.PGSimpleDataSource;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How this process connects to a database: by the driver alone, or through the pool.
 *
 * <p>Behind a pooler, no two transactions need be on the same session, so nothing is left on a session: no settings, no prepared
 * statements. The server then plans each statement again. That costs it time, but gives plans that fit the tables as they are, even
 * without our settings.
 */
final class Connections {

  private static final Logger LOG = LoggerFactory.getLogger(Connections.class);

  /**
   * The statements of the engine look rows up by their keys. A plan that was made while a table was small would go on scanning it for
   * ever. So plans are made by how many rows they touch, whatever the pages cost. JIT compilation costs more than any of them.
   *
   * <p>The driver would leave the session in the JVM's time zone.
   *
   * <p>Each statement of a transaction must see what was committed while it waited for a lock, whatever the role or the database has as
   * its default.
   *
   * <p>A process that is paused within a transaction, or gone without a word, would hold its locks against everybody, including the
   * reapers. So PostgreSQL ends its session after the length of a lease.
   */
  private static final String SESSION = """
      SET TimeZone = 'UTC';
      SET plan_cache_mode = force_generic_plan;
      SET enable_seqscan = off;
      SET enable_hashjoin = off;
      SET enable_mergejoin = off;
      SET random_page_cost = 1;
      SET cpu_tuple_cost = 1;
      SET jit = off;
      SET default_transaction_isolation = 'read committed';
      SET idle_in_transaction_session_timeout = %d""";

  private static final int SHORTEST_IDLE_MS = 1_000;

  /**
   * A server that went away without a word is noticed after this many seconds without an answer, where {@link SessionWatch} cannot notice
   * it.
   */
  private static final int SOCKET_TIMEOUT_S = 30;

  private static final int BRIEF_S = 5;

  /** The oldest server that we promise to run on. The driver is told so, and then asks and sets nothing more when it connects. */
  private static final String OLDEST_SERVER = "14";

  private Connections() {}

  /** Makes connections that belong to no pool, and that may wait for as long as a statement takes. */
  static PGSimpleDataSource driver(OrchestrationConfig config, ConnectionMode mode) {
    return driver(config, mode, SessionSetup.NONE);
  }

  private static PGSimpleDataSource driver(OrchestrationConfig config, ConnectionMode mode, SessionSetup setup) {
    DatabaseUrl url = config.databaseUrl();
    DriverVersion.check();
    PGSimpleDataSource driver = new DriverConnections(url, setup);
    Map<String, String> given = url.properties();
    if (!given.containsKey("tcpKeepAlive")) {
      driver.setTcpKeepAlive(true);
    }
    if (!given.containsKey("ApplicationName")) {
      driver.setApplicationName("tasker_core");
    }
    if (!given.containsKey("logServerErrorDetail")) {
      // It quotes rows, payloads among them, and ends in the log.
      driver.setLogServerErrorDetail(false);
    }
    if (!given.containsKey("connectTimeout")) {
      driver.setConnectTimeout((int) Math.max(1, TimeUnit.MILLISECONDS.toSeconds(config.connectionTimeoutMs())));
    }
    if (mode == ConnectionMode.POOLER) {
      driver.setPrepareThreshold(0);
      driver.setAssumeMinServerVersion(OLDEST_SERVER);
    }
    return driver;
  }

  /**
   * How to connect: as is configured. But if that is directly, and a pooler is found that lends sessions for one transaction only, as
   * behind that pooler: what we left on its sessions would be on those that others get next.
   */
  private static ConnectionMode mode(OrchestrationConfig config) {
    if (config.connectionMode() == ConnectionMode.DIRECT) {
      PGSimpleDataSource driver = driver(config, ConnectionMode.POOLER);
      if (new Database(driver).call(connection -> PoolerProbe.findsTransactionPooler(connection, driver))) {
        LOG.warn("database: {}", behindPooler(config));
        return ConnectionMode.POOLER;
      }
    }
    return config.connectionMode();
  }

  /** Says what is wrong with the configuration if {@link #prepareSchema} answers with another mode. */
  static String behindPooler(OrchestrationConfig config) {
    return Format.text(
        "connection_mode is direct, but a pooler that lends sessions for one transaction is between this process and %s; it works as with "
            + "connection_mode: pooler, so configure that, or connect past the pooler", config.databaseUrl().label());
  }

  /**
   * Sets a session up, and tells of it. Where a session is not ours, nothing is left on it, and nobody watches it.
   *
   * @param sessions where it is told of
   */
  private static SessionSetup setup(OrchestrationConfig config, CurrentMode mode, Sessions sessions) {
    String settings = Format.text(SESSION, Math.max(SHORTEST_IDLE_MS, config.leaseMs()));
    return connection -> {
      if (!mode.isDirect()) {
        connection.unwrap(PGConnection.class).setPrepareThreshold(0);
        return;
      }
      int answerMs = connection.getNetworkTimeout();
      // A wire that falls silent now must not stop whoever makes the pool's connections.
      connection.setNetworkTimeout(Runnable::run, (int) TimeUnit.SECONDS.toMillis(SOCKET_TIMEOUT_S));
      try (Statement statement = connection.createStatement()) {
        statement.execute(settings);
      }
      sessions.opened(connection, SessionProbe.identify(connection));
      connection.setNetworkTimeout(Runnable::run, answerMs);
    };
  }

  /** @param sessions is told of the pool's connections */
  static HikariDataSource pool(OrchestrationConfig config, CurrentMode mode, SpoiltSessions spoilt, Sessions sessions) {
    PGSimpleDataSource driver = driver(config, mode.get(), setup(config, mode, sessions));
    if (sessions == Sessions.UNWATCHED && !config.databaseUrl().properties().containsKey("socketTimeout")) {
      driver.setSocketTimeout(SOCKET_TIMEOUT_S);
    }
    HikariConfig hikari = new HikariConfig();
    hikari.setDataSource(driver);
    hikari.setPoolName("tasker " + config.databaseUrl().label());
    hikari.setMaximumPoolSize(config.databasePoolSize());
    hikari.setMinimumIdle(Math.min(2, config.databasePoolSize()));
    hikari.setIdleTimeout(60_000);
    hikari.setConnectionTimeout(config.connectionTimeoutMs());
    hikari.setInitializationFailTimeout(-1);
    hikari.setExceptionOverride(spoilt);
    return new Pool(hikari, mode, config.databaseUrl().properties().containsKey("socketTimeout"));
  }

  /**
   * A pool whose process may find a pooler when it has long begun. From then on nobody watches its sessions, so each gets a time-out
   * while it is lent. It cannot be set before: the pool goes on giving its connections the one of its first.
   */
  private static final class Pool extends HikariDataSource {

    private final CurrentMode mode;
    private final boolean timeoutIsGiven;

    Pool(HikariConfig config, CurrentMode mode, boolean timeoutIsGiven) {
      super(config);
      this.mode = mode;
      this.timeoutIsGiven = timeoutIsGiven;
    }

    @Override
    public Connection getConnection() throws SQLException {
      Connection connection = super.getConnection();
      if (mode.isDirect() || timeoutIsGiven) {
        return connection;
      }
      try {
        if (connection.getNetworkTimeout() == 0) {
          connection.setNetworkTimeout(Runnable::run, (int) TimeUnit.SECONDS.toMillis(SOCKET_TIMEOUT_S));
        }
        return connection;
      } catch (SQLException | RuntimeException | Error broken) {
        connection.close();
        throw broken;
      }
    }
  }

  /** By then the lease is lost, so there is no point in waiting longer. */
  static KeptConnection kept(OrchestrationConfig config, CurrentMode mode, Database.Watch watch, Sessions sessions) {
    PGSimpleDataSource driver = driver(config, mode.get(), setup(config, mode, sessions));
    // Holds for the handshake too, which the connection's own time-out does not.
    driver.setSocketTimeout((int) Math.max(1, TimeUnit.MILLISECONDS.toSeconds(config.leaseMs())));
    return new KeptConnection(driver, config.leaseMs(), watch, sessions);
  }

  /** Makes connections for a short look at other sessions; they are closed again at once. */
  static PGSimpleDataSource brief(OrchestrationConfig config, ConnectionMode mode) {
    PGSimpleDataSource driver = driver(config, mode);
    driver.setConnectTimeout(BRIEF_S);
    driver.setLoginTimeout(BRIEF_S);
    driver.setSocketTimeout(BRIEF_S);
    return driver;
  }

  /**
   * Uses a connection of its own, so that a server that cannot be reached is reported at once and not after a pool's time-out.
   *
   * @return how to connect
   * @throws TaskerException.Configuration if the schema is missing, or a parameter of the URL keeps the connection from being made
   */
  static ConnectionMode prepareSchema(OrchestrationConfig config, boolean migrate) {
    try {
      ConnectionMode mode = mode(config);
      Migrations migrations = new Migrations(new Database(driver(config, mode)));
      if (migrate) {
        migrations.apply();
      } else {
        migrations.require();
      }
      return mode;
    } catch (TaskerException.Database failure) {
      if (failure.getCause() instanceof ConnectionFailure refused && refused.configuration() != null) {
        throw new TaskerException.Configuration(refused.configuration());
      }
      throw failure;
    }
  }
}
