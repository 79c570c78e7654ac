package io.taskercore.store;

import io.taskercore.model.TaskerException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;

/**
 * Brings the schema {@code tasker} to the version that this core needs: numbered SQL files, each applied once, all under one
 * advisory lock and in one transaction, so that any number of processes may start together.
 *
 * <p>No library does this here: the one considered, Flyway, adds 0.6 s of processor time to the start of every process, also
 * where there is nothing to migrate.
 */
public final class Migrations {

  static final String MISSING =
      "the schema tasker is missing or older than this version of tasker_core; run TaskerCore.migrate!";

  private static final List<String> FILES = List.of("0001_engine.sql", "0002_transitions.sql", "0003_version_order.sql");

  /** Any fixed number will do; every version of the core must use the same. */
  private static final long LOCK = 0x7461736b6572L;

  private final Database database;

  public Migrations(Database database) {
    this.database = database;
  }

  /** Applies what is missing; changes nothing when the schema is current. */
  public void apply() {
    if (current()) {
      return;
    }
    database.transaction(connection -> {
      try (Statement statement = connection.createStatement()) {
        statement.execute("SELECT pg_advisory_xact_lock(" + LOCK + ")");
        statement.execute("CREATE SCHEMA IF NOT EXISTS tasker");
        statement.execute("""
            CREATE TABLE IF NOT EXISTS tasker.schema_migrations (
              version    integer     PRIMARY KEY,
              name       text        NOT NULL,
              applied_at timestamptz NOT NULL DEFAULT now()
            )""");
      }
      int applied = version(connection);
      for (int version = applied + 1; version <= FILES.size(); version++) {
        apply(connection, version);
      }
      return null;
    });
  }

  /** @throws TaskerException.Configuration if the schema is missing or older than this core */
  public void require() {
    if (!current()) {
      throw new TaskerException.Configuration(MISSING);
    }
  }

  /** A schema that is newer than this core counts as current: files only ever add to it. */
  private boolean current() {
    return database.call(connection -> {
      try (Statement statement = connection.createStatement();
          ResultSet found = statement.executeQuery("SELECT to_regclass('tasker.schema_migrations') IS NOT NULL")) {
        found.next();
        return found.getBoolean(1) && version(connection) >= FILES.size();
      }
    });
  }

  private static int version(Connection connection) throws SQLException {
    try (Statement statement = connection.createStatement();
        ResultSet found = statement.executeQuery("SELECT COALESCE(max(version), 0) FROM tasker.schema_migrations")) {
      found.next();
      return found.getInt(1);
    }
  }

  private static void apply(Connection connection, int version) throws SQLException {
    String file = FILES.get(version - 1);
    try (Statement statement = connection.createStatement()) {
      statement.execute(read(file));
    }
    try (PreparedStatement statement =
        connection.prepareStatement("INSERT INTO tasker.schema_migrations (version, name) VALUES (?, ?)")) {
      statement.setInt(1, version);
      statement.setString(2, file);
      statement.executeUpdate();
    }
  }

  private static String read(String file) {
    try (InputStream in = Migrations.class.getResourceAsStream("/db/migration/" + file)) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException failure) {
      throw new UncheckedIOException(failure);
    }
  }
}
