package io.taskercore.store;

import io.taskercore.model.Format;
import io.taskercore.model.TaskerException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;

/**
 * Brings the schema {@code tasker} to the version that this core needs: numbered SQL files, each applied once, all under one advisory
 * lock and in one transaction, so that any number of processes may start together.
 *
 * <p>A function of the schema returns its version. So a dump of the schema alone, such as Rails' {@code structure.sql}, is complete, and
 * there is no table of versions that could be mistaken for another library's.
 *
 * <p>No library does this: Flyway, which was considered, adds 0.6 s of processor time to the start of every process, even if there is
 * nothing to migrate.
 */
public final class Migrations {

  /** Advice for error messages about a schema that is not as it should be. */
  public static final String CURE = "run `tasker migrate` (in Rails `rails tasker_core:migrate`, in Ruby TaskerCore.migrate!)";

  private static final String IS_OF_VERSION = """
      CREATE OR REPLACE FUNCTION tasker.schema_version() RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT %d $$;
      COMMENT ON FUNCTION tasker.schema_version() IS 'Which of the migrations of tasker_core is the last one that was applied.';
      DROP TABLE IF EXISTS tasker.schema_migrations""";

  private static final List<String> FILES = List.of(
      "0001_engine.sql", "0002_transitions.sql", "0003_version_order.sql", "0004_history.sql", "0005_dead_processes.sql",
      "0006_metadata.sql");

  /** Any fixed number will do, but every version of the core must use the same one. */
  private static final long LOCK = 0x7461736b6572L;

  private final Database database;

  public Migrations(Database database) {
    this.database = database;
  }

  /**
   * Applies what is missing; changes nothing when the schema is current.
   *
   * @throws TaskerException.Configuration if the database cannot hold every text, or has a schema of this name that is not ours
   */
  public void apply() {
    if (!database.call(Ground::of).isCurrent()) {
      applyUpTo(FILES.size());
    }
  }

  /** Applies files as a core of that version would, for tests that begin with one. */
  void applyUpTo(int newest) {
    database.transaction(connection -> {
      try (Statement statement = connection.createStatement()) {
        statement.execute("SELECT pg_advisory_xact_lock(" + LOCK + ")");
        Ground ground = Ground.of(connection);
        statement.execute("CREATE SCHEMA IF NOT EXISTS tasker");
        for (int version = ground.version() + 1; version <= newest; version++) {
          statement.execute(read(FILES.get(version - 1)));
        }
        if (ground.version() < newest || ground.hasTableOfVersions()) {
          statement.execute(Format.text(IS_OF_VERSION, newest));
        }
      }
      return null;
    });
  }

  /** @throws TaskerException.Configuration if the schema is missing, older than this core or not ours, or the database not UTF-8 */
  public void require() {
    Ground ground = database.call(Ground::of);
    if (!ground.isCurrent()) {
      throw new TaskerException.Configuration(ground.version() == 0
          ? Format.text("the database %s has no schema tasker yet: %s", ground.database(), CURE)
          : Format.text(
              "the schema tasker in the database %s is of an older tasker_core (version %d of the schema; this one needs %d): %s",
              ground.database(), ground.version(), FILES.size(), CURE));
    }
  }

  /**
   * The database as it was found.
   *
   * @param version the schema's version; 0: there is no schema, or it is empty
   * @param hasTableOfVersions whether it has the table in which early builds kept the version
   */
  private record Ground(String database, int version, boolean hasTableOfVersions) {

    /** Uses one statement, which sees one moment: others may be migrating. */
    private static final String LOOK = """
        SELECT current_database() AS database, current_setting('server_encoding') AS encoding,
          EXISTS (
            SELECT FROM pg_catalog.pg_proc p
            JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
            WHERE n.nspname = 'tasker' AND p.proname = 'schema_version' AND p.pronargs = 0
              AND p.prorettype = 'pg_catalog.int4'::pg_catalog.regtype) AS has_function,
          (SELECT count(*) = 3
           FROM pg_catalog.pg_attribute a
           JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
           JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
           WHERE n.nspname = 'tasker' AND c.relname = 'schema_migrations' AND c.relkind = 'r'
             AND (a.attname, a.atttypid) IN (('version', 'int4'::regtype), ('name', 'text'::regtype),
               ('applied_at', 'timestamptz'::regtype))) AS has_table,
          (SELECT string_agg(t.relname, ', ')
           FROM (SELECT c.relname
                 FROM pg_catalog.pg_class c
                 JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                 WHERE n.nspname = 'tasker' AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
                 ORDER BY c.relname
                 LIMIT 3) t) AS tables""";

    /** @throws TaskerException.Configuration if the schema is not, and cannot become, ours */
    static Ground of(Connection connection) throws SQLException {
      try (Statement statement = connection.createStatement(); ResultSet row = statement.executeQuery(LOOK)) {
        row.next();
        String database = row.getString("database");
        refuseEncoding(database, row.getString("encoding"));
        boolean hasFunction = row.getBoolean("has_function");
        boolean hasTable = row.getBoolean("has_table");
        if (!hasFunction && !hasTable) {
          refuseTables(database, row.getString("tables"));
        }
        return new Ground(database, version(connection, hasFunction, hasTable), hasTable);
      }
    }

    private static int version(Connection connection, boolean hasFunction, boolean hasTable) throws SQLException {
      if (!hasFunction && !hasTable) {
        return 0;
      }
      String sql = hasFunction ? "SELECT tasker.schema_version()" : "SELECT COALESCE(max(version), 0) FROM tasker.schema_migrations";
      try (Statement statement = connection.createStatement(); ResultSet row = statement.executeQuery(sql)) {
        row.next();
        return row.getInt(1);
      }
    }

    /** A schema that is newer than this core also counts as current: migrations only ever add to it. */
    boolean isCurrent() {
      return version >= FILES.size() && !hasTableOfVersions;
    }

    /** Any encoding but UTF8 lacks most letters, and fails at the first payload that has one of them. */
    private static void refuseEncoding(String database, String encoding) {
      if (!"UTF8".equals(encoding)) {
        throw new TaskerException.Configuration(Format.text(
            "the encoding of the database %s is %s, which cannot hold every text: use a database of the encoding UTF8, made with %s",
            database, encoding, "CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0"));
      }
    }

    private static void refuseTables(String database, String tables) {
      if (tables != null) {
        throw new TaskerException.Configuration(Format.text(
            "the schema tasker in the database %s is not tasker_core's (it has %s, and does not tell its version as ours does): give"
                + " tasker_core another database, or rename that schema, ALTER SCHEMA tasker RENAME TO …",
            database, tables));
      }
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
