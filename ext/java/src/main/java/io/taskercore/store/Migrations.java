package io.taskercore.store;

import io.taskercore.model.Format;
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

  private static final String WITHOUT_ROWS =
      "the schema tasker has tables, but no row in schema_migrations: it was restored without its rows, as from Rails' structure.sql;"
          + " restore those too, or drop it (DROP SCHEMA tasker CASCADE) and run TaskerCore.migrate!";

  private static final List<String> FILES = List.of(
      "0001_engine.sql", "0002_transitions.sql", "0003_version_order.sql", "0004_history.sql", "0005_dead_processes.sql");

  /** Any fixed number will do; every version of the core must use the same. */
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
    if (!current()) {
      applyUpTo(FILES.size());
    }
  }

  /** As a core of that version would, which a test begins with. */
  void applyUpTo(int newest) {
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
      if (applied == 0 && Ground.of(connection).hasTables()) {
        throw new TaskerException.Configuration(WITHOUT_ROWS);
      }
      for (int version = applied + 1; version <= newest; version++) {
        apply(connection, version);
      }
      return null;
    });
  }

  /** @throws TaskerException.Configuration if the schema is missing, older than this core or not ours, or the database not UTF-8 */
  public void require() {
    if (!current()) {
      throw new TaskerException.Configuration(MISSING);
    }
  }

  /** A schema that is newer than this core counts as current: files only ever add to it. */
  private boolean current() {
    return database.call(connection -> {
      Ground ground = Ground.of(connection);
      ground.refuseUnfit();
      return ground.isOurs() && version(connection) >= FILES.size();
    });
  }

  /**
   * The database as it was found.
   *
   * @param encoding of its texts: one that is not UTF8 lacks most letters, and fails at the first payload that has one
   * @param isOurs whether the schema has our table of versions, and not another project's of the same name
   * @param tables some of what else the schema has; null if nothing
   */
  private record Ground(String database, String encoding, boolean isOurs, String tables) {

    /** One statement, which sees one moment: others may be migrating. */
    static Ground of(Connection connection) throws SQLException {
      String sql = """
          SELECT current_database() AS database, current_setting('server_encoding') AS encoding,
            (SELECT count(*) = 3
             FROM pg_catalog.pg_attribute a
             JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
             WHERE n.nspname = 'tasker' AND c.relname = 'schema_migrations' AND c.relkind = 'r'
               AND (a.attname, a.atttypid) IN (('version', 'int4'::regtype), ('name', 'text'::regtype),
                 ('applied_at', 'timestamptz'::regtype))) AS ours,
            (SELECT string_agg(t.relname, ', ')
             FROM (SELECT c.relname
                   FROM pg_catalog.pg_class c
                   JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                   WHERE n.nspname = 'tasker' AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relname <> 'schema_migrations'
                   ORDER BY c.relname
                   LIMIT 3) t) AS tables,
            EXISTS (SELECT
                    FROM pg_catalog.pg_class c
                    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                    WHERE n.nspname = 'tasker' AND c.relname = 'schema_migrations') AS versions""";
      try (Statement statement = connection.createStatement();
          ResultSet row = statement.executeQuery(sql)) {
        row.next();
        boolean ours = row.getBoolean("ours");
        String tables = row.getString("tables");
        return new Ground(
            row.getString("database"), row.getString("encoding"), ours,
            tables == null && row.getBoolean("versions") && !ours ? "schema_migrations" : tables);
      }
    }

    boolean hasTables() {
      return tables != null;
    }

    void refuseUnfit() {
      if (!"UTF8".equals(encoding)) {
        throw new TaskerException.Configuration(Format.text(
            "the encoding of the database %s is %s, which cannot hold every text: use a database of the encoding UTF8, made with %s",
            database, encoding, "CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0"));
      }
      if (!isOurs && hasTables()) {
        throw new TaskerException.Configuration(Format.text(
            "the schema tasker in the database %s is not tasker_core's (it has %s, and no such schema_migrations as ours): give"
                + " tasker_core another database, or rename that schema, ALTER SCHEMA tasker RENAME TO …",
            database, tables));
      }
    }
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
