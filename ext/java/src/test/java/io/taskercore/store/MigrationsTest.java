package io.taskercore.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.taskercore.model.Format;
import io.taskercore.model.TaskerException;
import io.taskercore.template.SemanticVersion;
import io.taskercore.testing.TestDatabase;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The schema, made once however many ask for it. */
class MigrationsTest {

  private final TestDatabase database = TestDatabase.create();
  private final Migrations migrations = new Migrations(new Database(database.dataSource()));

  @AfterEach
  void drop() {
    database.close();
  }

  @Test
  void aMissingSchemaIsAConfigurationErrorThatNamesTheWayOut() {
    assertThatThrownBy(migrations::require)
        .isInstanceOf(TaskerException.Configuration.class)
        .hasMessageContaining(database.name() + " has no schema tasker yet")
        .hasMessageContaining("`tasker migrate` (in Rails `rails tasker_core:migrate`, in Ruby TaskerCore.migrate!)");
  }

  @Test
  void anOlderSchemaIsSaidToBeOlder() {
    migrations.applyUpTo(2);

    assertThatThrownBy(migrations::require)
        .isInstanceOf(TaskerException.Configuration.class)
        .hasMessageContaining("of an older tasker_core (version 2 of the schema; this one needs 6): run `tasker migrate`");
    migrations.apply();
    assertThatCode(migrations::require).doesNotThrowAnyException();
  }

  /** Its version was a row, in a table which a role named tasker had before the application's own of that name. */
  @Test
  void aSchemaWithATableOfVersionsTellsItsVersionItselfFromNowOn() {
    migrations.apply();
    database.execute("""
        DROP FUNCTION tasker.schema_version();
        CREATE TABLE tasker.schema_migrations (version integer PRIMARY KEY, name text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now());
        INSERT INTO tasker.schema_migrations (version, name) SELECT n, n || '.sql' FROM generate_series(1, 6) n""");
    assertThatThrownBy(migrations::require).isInstanceOf(TaskerException.Configuration.class);

    migrations.apply();

    assertThatCode(migrations::require).doesNotThrowAnyException();
    assertThat(database.value("SELECT to_regclass('tasker.schema_migrations') IS NULL")).isEqualTo("t");
  }

  /** As Rails' structure.sql: all that the schema has, and no row. */
  @Test
  void aSchemaThatWasRestoredWithoutItsRowsIsComplete() {
    migrations.apply();
    String tables = database.value(
        "SELECT string_agg(format('tasker.%I', tablename), ', ') FROM pg_tables WHERE schemaname = 'tasker'");
    database.execute("TRUNCATE " + tables);

    assertThatCode(migrations::require).doesNotThrowAnyException();
    assertThatCode(migrations::apply).doesNotThrowAnyException();
  }

  @Test
  void aNewerSchemaIsTakenAsItIs() {
    migrations.apply();
    database.execute("CREATE OR REPLACE FUNCTION tasker.schema_version() RETURNS integer LANGUAGE sql AS 'SELECT 9999'");

    assertThatCode(migrations::require).doesNotThrowAnyException();
    assertThatCode(migrations::apply).doesNotThrowAnyException();
  }

  @Test
  void manyAtOnceApplyEachFileOnce() {
    List<CompletableFuture<Void>> all = IntStream.range(0, 6)
        .mapToObj(i -> CompletableFuture.runAsync(migrations::apply, task -> new Thread(task).start()))
        .toList();
    all.forEach(CompletableFuture::join);

    migrations.apply();

    assertThatCode(migrations::require).doesNotThrowAnyException();
  }

  /** As a process with the digits of a Marathi JVM wrote it. */
  @ParameterizedTest
  @ValueSource(strings = {
    "1.9.0", "1.10.0", "0.0.0", "12345678901.2.3", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta-x.11.0",
    "1.0.0-rc.1+build.5", "1.0.0+a-b",
  })
  void anOrderOfVersionsInForeignDigitsIsMadeAnew(String version) {
    String right = SemanticVersion.parse(version).orElseThrow().sortKey();
    migrations.applyUpTo(2);
    database.execute(Format.text("""
        INSERT INTO tasker.templates (namespace, name, version, version_order, definition, step_count)
        VALUES ('n', 'foreign', '%1$s', translate('%2$s', '0123456789', '०१२३४५६७८९'), '{}', 1),
          ('n', 'ours', '%1$s', '%2$s', '{}', 1)""", version, right));

    migrations.apply();

    assertThat(database.column("SELECT version_order FROM tasker.templates ORDER BY name")).isEqualTo(List.of(right, right));
  }

  @Test
  void whatAnOlderCoreHasBegunStaysAsItIs() {
    migrations.applyUpTo(1);
    database.execute("""
        INSERT INTO tasker.templates (namespace, name, version, version_order, definition, step_count)
        VALUES ('n', 'one', '1.0.0', '001.000.000~', '{"name": "one"}', 1), ('n', 'other', '1.0.0', '001.000.000~', '{"name": "one"}', 1);
        INSERT INTO tasker.tasks (template_id, namespace, name, priority, fail_fast, total_steps, correlation_id, tags, payload,
          created_at, state, active_steps)
        VALUES (1, 'n', 'one', 0, false, 1, 'c', '{}', '{}', now(), 'in_progress', 1);
        INSERT INTO tasker.processes (host, pid, lease_until, handlers) VALUES ('h', 1, now() + interval '1 minute', '{a}');
        INSERT INTO tasker.workflow_steps (task_id, step_id, name, handler, parents, children, max_crashes, max_attempts, state,
          waiting_on, attempts, fence, process_id)
        VALUES (1, 65536, 'a', 'a', '{}', '{}', 3, 3, 'in_progress', 0, 1, 2147483647, 1)""");

    migrations.apply();

    assertThat(database.column("SELECT process_id || ' ' || (dead_at IS NULL) FROM tasker.processes")).containsExactly("1 true");
    assertThat(database.column("SELECT count(DISTINCT digest) FROM tasker.templates")).containsExactly("2");
    database.execute("UPDATE tasker.workflow_steps SET fence = fence + (1::bigint << 36)");
    assertThat(database.column("SELECT fence FROM tasker.workflow_steps")).containsExactly(String.valueOf((1L << 36) + Integer.MAX_VALUE));
  }

  @ParameterizedTest
  @ValueSource(strings = {"LATIN1", "WIN1252", "EUC_JP", "SQL_ASCII"})
  void aDatabaseThatIsNotUtf8IsRefusedInWordsAndLeftAlone(String encoding) {
    try (TestDatabase other = TestDatabase.encoded(encoding)) {
      Migrations there = new Migrations(new Database(other.dataSource()));

      for (ThrowingCallable call : List.<ThrowingCallable>of(there::apply, there::require)) {
        assertThatThrownBy(call)
            .isInstanceOf(TaskerException.Configuration.class)
            .hasMessageContaining(other.name())
            .hasMessageContaining(encoding)
            .hasMessageContaining("CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0");
      }
      assertThat(other.column("SELECT nspname FROM pg_namespace WHERE nspname = 'tasker'")).isEmpty();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {
    "CREATE TABLE tasker.tasks (id int)",
    "CREATE TABLE tasker.todo (id int)",
    "CREATE VIEW tasker.todo AS SELECT 1 AS id",
    "CREATE TABLE tasker.schema_migrations (version varchar PRIMARY KEY)",
    "CREATE TABLE tasker.tasks (id int); CREATE TABLE tasker.schema_migrations (version bigint, name text, applied_at timestamptz)"
  })
  void aSchemaOfSomebodyElsesIsRefusedInWordsAndLeftAlone(String theirs) {
    database.execute("CREATE SCHEMA tasker; " + theirs);
    List<String> before = database.column("SELECT relname FROM pg_class WHERE relnamespace = 'tasker'::regnamespace ORDER BY 1");

    for (ThrowingCallable call : List.<ThrowingCallable>of(migrations::apply, migrations::require)) {
      assertThatThrownBy(call)
          .isInstanceOf(TaskerException.Configuration.class)
          .hasMessageContaining("schema tasker in the database " + database.name() + " is not tasker_core's")
          .hasMessageContaining("ALTER SCHEMA tasker RENAME TO");
    }
    assertThat(database.column("SELECT relname FROM pg_class WHERE relnamespace = 'tasker'::regnamespace ORDER BY 1")).isEqualTo(before);
  }

  @Test
  void anEmptySchemaThatWasPreparedIsFilled() {
    database.execute("CREATE SCHEMA tasker");

    migrations.apply();

    assertThatCode(migrations::require).doesNotThrowAnyException();
  }

  @Test
  void everyTableAndEveryIndexSaysWhatItIsFor() {
    migrations.apply();

    assertThat(database.column("""
        SELECT c.relname FROM pg_class c
        WHERE c.relnamespace = 'tasker'::regnamespace
          AND (c.relkind = 'r'
            OR c.relkind = 'i' AND NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conindid = c.oid))
          AND obj_description(c.oid) IS NULL""")).isEmpty();
  }
}
