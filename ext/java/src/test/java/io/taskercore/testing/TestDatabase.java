package io.taskercore.testing;

import io.taskercore.store.Database;
import io.taskercore.store.Migrations;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.ConcurrentLinkedDeque;
import javax.sql.DataSource;
import org.postgresql.ds.PGSimpleDataSource;

/**
 * A database for one test. It lives on the server that bin/test names in {@code TEST_DATABASE_URL}, or else on an embedded one
 * that all tests of this JVM share.
 */
public final class TestDatabase implements AutoCloseable {

  /** Those with a schema, emptied after their test: emptying one takes a tenth of the time of making one. */
  private static final Deque<TestDatabase> SPARE = new ConcurrentLinkedDeque<>();

  private static final String EMPTY_ALL = """
      TRUNCATE tasker.processes, tasker.process_tasks, tasker.transitions, tasker.step_queue, tasker.workflow_steps,
        tasker.idempotency_keys,
        tasker.tasks, tasker.template_steps, tasker.templates""";

  private final URI server;
  private final String name;
  private final boolean migrated;

  private TestDatabase(URI server, String name, boolean migrated) {
    this.server = server;
    this.name = name;
    this.migrated = migrated;
  }

  /** One without a schema, dropped when it is closed. */
  public static TestDatabase create() {
    return create(false);
  }

  /** One without a schema whose texts are in this encoding, dropped when it is closed. */
  public static TestDatabase encoded(String encoding) {
    return create(Server.URL, false, " ENCODING '" + encoding + "' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0");
  }

  private static TestDatabase create(boolean migrated) {
    return create(Server.URL, migrated);
  }

  /** One on another server, with the current schema, dropped when it is closed. */
  public static TestDatabase on(URI server) {
    TestDatabase database = create(server, false);
    new Migrations(new Database(database.dataSource())).apply();
    return database;
  }

  private static TestDatabase create(URI server, boolean migrated) {
    return create(server, migrated, "");
  }

  private static TestDatabase create(URI server, boolean migrated, String options) {
    String name = "test_" + UUID.randomUUID().toString().replace("-", "");
    execute(server, "CREATE DATABASE " + name + options);
    return new TestDatabase(server, name, migrated);
  }

  /** One with the current schema and not a row in it. */
  public static TestDatabase migrated() {
    TestDatabase spare = SPARE.poll();
    if (spare != null) {
      return spare;
    }
    TestDatabase database = create(true);
    new Migrations(new Database(database.dataSource())).apply();
    return database;
  }

  /** The database as {@code postgres://user@host:port/name}. */
  public String url() {
    return server.resolve("/" + name).toString();
  }

  /** The same by way of somebody who listens on this port of this machine. */
  public String urlThrough(int port) {
    return "postgres://" + server.getUserInfo() + "@127.0.0.1:" + port + "/" + name;
  }

  public String name() {
    return name;
  }

  public String user() {
    return server.getUserInfo() == null ? "postgres" : server.getUserInfo().split(":", 2)[0];
  }

  public String host() {
    return server.getHost();
  }

  public int port() {
    return server.getPort() < 0 ? 5432 : server.getPort();
  }

  /** Without a pool: each connection is a new one. */
  public DataSource dataSource() {
    return dataSource(server, name);
  }

  /** Runs one statement. */
  public void execute(String sql) {
    execute(server, name, sql);
  }

  /** The first column of all rows, as text. */
  public List<String> column(String sql) {
    try (Connection connection = dataSource().getConnection();
        Statement statement = connection.createStatement();
        ResultSet row = statement.executeQuery(sql)) {
      List<String> values = new ArrayList<>();
      while (row.next()) {
        values.add(row.getString(1));
      }
      return values;
    } catch (SQLException e) {
      throw new IllegalStateException(sql, e);
    }
  }

  /** The one value that the query finds, as text. */
  public String value(String sql) {
    List<String> values = column(sql);
    if (values.size() != 1) {
      throw new AssertionError(values.size() + " rows by " + sql);
    }
    return values.get(0);
  }

  public long number(String sql) {
    return Long.parseLong(value(sql));
  }

  /** How many rows each table of the engine has together, templates aside. */
  public long rowsOfTasks() {
    return number("""
        SELECT (SELECT count(*) FROM tasker.tasks) + (SELECT count(*) FROM tasker.workflow_steps)
          + (SELECT count(*) FROM tasker.step_queue) + (SELECT count(*) FROM tasker.idempotency_keys)
          + (SELECT count(*) FROM tasker.transitions)""");
  }

  /** Ends every session of the engine's here, and none of the test's. */
  public void endSessions() {
    execute("""
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND application_name <> 'PostgreSQL JDBC Driver'""");
  }

  @Override
  public void close() {
    if (migrated) {
      endSessions();
      execute(EMPTY_ALL);
      SPARE.push(this);
    } else {
      drop();
    }
  }

  private void drop() {
    execute(server, "DROP DATABASE IF EXISTS " + name + " WITH (FORCE)");
  }

  private static void execute(URI server, String sql) {
    execute(server, server.getPath().substring(1), sql);
  }

  private static void execute(URI server, String database, String sql) {
    try (Connection connection = dataSource(server, database).getConnection();
        Statement statement = connection.createStatement()) {
      statement.execute(sql);
    } catch (SQLException e) {
      throw new IllegalStateException(sql + " on " + server.getHost() + ":" + server.getPort(), e);
    }
  }

  private static DataSource dataSource(URI server, String database) {
    var dataSource = new PGSimpleDataSource();
    dataSource.setServerNames(new String[] {server.getHost()});
    dataSource.setPortNumbers(new int[] {server.getPort() < 0 ? 5432 : server.getPort()});
    dataSource.setDatabaseName(database);
    String[] user = server.getUserInfo() == null ? new String[0] : server.getUserInfo().split(":", 2);
    if (user.length > 0) {
      dataSource.setUser(user[0]);
    }
    if (user.length > 1) {
      dataSource.setPassword(user[1]);
    }
    return dataSource;
  }

  /** Its initialisation starts the server, so that runs which are given one start none. */
  private static final class Server {
    static final URI URL = given() != null ? lent() : start();

    private static String given() {
      return System.getenv("TEST_DATABASE_URL");
    }

    /** What is not ours is left as it was found. */
    private static URI lent() {
      Runtime.getRuntime().addShutdownHook(new Thread(() -> SPARE.forEach(TestDatabase::drop)));
      return URI.create(given());
    }

    private static URI start() {
      try {
        @SuppressWarnings("resource") // stopped by its own hook when the JVM ends
        var server = EmbeddedPostgres.builder().setLocaleConfig("locale", "C").start();
        return URI.create("postgres://postgres@127.0.0.1:" + server.getPort() + "/postgres");
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }
}
