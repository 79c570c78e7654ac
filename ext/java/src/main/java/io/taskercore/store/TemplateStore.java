package io.taskercore.store;

import io.taskercore.model.Json;
import io.taskercore.model.StepDefinition;
import io.taskercore.model.TaskTemplate;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;

/** Templates: rows that never change once written. */
public final class TemplateStore {

  /** A stored revision: its id and its resolved document. */
  public record Revision(long templateId, int revision, Json definition) {}

  /** Holds off other registrations of the same name until the transaction ends; released with it. */
  public void lockName(Connection connection, String namespace, String name) throws SQLException {
    String sql = "SELECT pg_advisory_xact_lock(hashtextextended('tasker.template:' || ? || ':' || ?, 0))";
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      statement.setString(1, namespace);
      statement.setString(2, name);
      statement.execute();
    }
  }

  /** The newest revision of the version; by templates_newest. */
  public Optional<Revision> newest(Connection connection, String namespace, String name, String version)
      throws SQLException {
    String sql = """
        SELECT template_id, revision, definition
        FROM tasker.templates
        WHERE namespace = ? AND name = ? AND version = ?
        ORDER BY version_order DESC, version DESC, revision DESC
        LIMIT 1""";
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      statement.setString(1, namespace);
      statement.setString(2, name);
      statement.setString(3, version);
      return revision(statement);
    }
  }

  /**
   * The id of the newest revision of the version, for a caller that may know the rest already.
   *
   * @param version null: the highest release, or the highest pre-release where there is no release; their sort keys end in a tilde
   */
  public Optional<Long> newestId(Connection connection, String namespace, String name, String version)
      throws SQLException {
    String sql = """
        WITH wanted (namespace, name, version) AS (VALUES (?::text, ?::text, ?::text))
        SELECT COALESCE(
          (SELECT t.template_id
           FROM tasker.templates t
           WHERE t.namespace = w.namespace AND t.name = w.name
             AND (w.version IS NULL AND t.version_order LIKE '%~' OR t.version = w.version)
           ORDER BY t.version_order DESC, t.version DESC, t.revision DESC
           LIMIT 1),
          (SELECT t.template_id
           FROM tasker.templates t
           WHERE t.namespace = w.namespace AND t.name = w.name AND w.version IS NULL
           ORDER BY t.version_order DESC, t.version DESC, t.revision DESC
           LIMIT 1))
        FROM wanted w""";
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      statement.setString(1, namespace);
      statement.setString(2, name);
      statement.setString(3, version);
      try (ResultSet row = statement.executeQuery()) {
        row.next();
        long templateId = row.getLong(1);
        return row.wasNull() ? Optional.empty() : Optional.of(templateId);
      }
    }
  }

  public Optional<Revision> find(Connection connection, long templateId) throws SQLException {
    String sql = "SELECT template_id, revision, definition FROM tasker.templates WHERE template_id = ?";
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      statement.setLong(1, templateId);
      return revision(statement);
    }
  }

  /** The id of the row written last; 0 where there is none. */
  public long newestId(Connection connection) throws SQLException {
    try (PreparedStatement statement =
            connection.prepareStatement("SELECT COALESCE(max(template_id), 0) FROM tasker.templates");
        ResultSet row = statement.executeQuery()) {
      row.next();
      return row.getLong(1);
    }
  }

  public Set<String> handlerNames(Connection connection) throws SQLException {
    try (PreparedStatement statement = connection.prepareStatement("SELECT DISTINCT handler FROM tasker.template_steps");
        ResultSet row = statement.executeQuery()) {
      Set<String> names = new TreeSet<>();
      while (row.next()) {
        names.add(row.getString(1));
      }
      return names;
    }
  }

  /** The versions of a name, highest first: for the error that says what there is. */
  public List<String> versions(Connection connection, String namespace, String name) throws SQLException {
    String sql = """
        SELECT DISTINCT ON (version_order, version) version
        FROM tasker.templates
        WHERE namespace = ? AND name = ?
        ORDER BY version_order DESC, version DESC
        LIMIT 10""";
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      statement.setString(1, namespace);
      statement.setString(2, name);
      try (ResultSet row = statement.executeQuery()) {
        List<String> versions = new ArrayList<>();
        while (row.next()) {
          versions.add(row.getString(1));
        }
        return versions;
      }
    }
  }

  /** @return the new row's id */
  public long insert(Connection connection, TaskTemplate template, String versionOrder, int revision)
      throws SQLException {
    long templateId = insertTemplate(connection, template, versionOrder, revision);
    insertSteps(connection, templateId, template.steps());
    return templateId;
  }

  private static long insertTemplate(Connection connection, TaskTemplate template, String versionOrder, int revision)
      throws SQLException {
    String sql = """
        INSERT INTO tasker.templates (namespace, name, version, revision, version_order, definition, step_count)
        VALUES (?, ?, ?, ?, ?, ?::json, ?)
        RETURNING template_id""";
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      statement.setString(1, template.namespace());
      statement.setString(2, template.name());
      statement.setString(3, template.version());
      statement.setInt(4, revision);
      statement.setString(5, versionOrder);
      statement.setString(6, template.document().text());
      statement.setInt(7, template.steps().size());
      try (ResultSet row = statement.executeQuery()) {
        row.next();
        return row.getLong(1);
      }
    }
  }

  private static void insertSteps(Connection connection, long templateId, List<StepDefinition> steps)
      throws SQLException {
    String sql = """
        INSERT INTO tasker.template_steps
          (template_id, ordinal, name, handler, parents, children, max_attempts, max_crashes)
        SELECT ?, d.ordinal - 1, d.name, d.handler, d.parents::smallint[], d.children::smallint[], d.max_attempts, d.max_crashes
        FROM unnest(?::text[], ?::text[], ?::text[], ?::text[], ?::smallint[], ?::smallint[])
          WITH ORDINALITY AS d(name, handler, parents, children, max_attempts, max_crashes, ordinal)""";
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      statement.setLong(1, templateId);
      statement.setArray(2, Rows.column(connection, "text", steps, StepDefinition::name));
      statement.setArray(3, Rows.column(connection, "text", steps, StepDefinition::handler));
      statement.setArray(4, Rows.column(connection, "text", steps, step -> literal(step.parents())));
      statement.setArray(5, Rows.column(connection, "text", steps, step -> literal(step.children())));
      statement.setArray(6, Rows.column(connection, "smallint", steps, step -> step.retry().maxAttempts()));
      statement.setArray(7, Rows.column(connection, "smallint", steps, StepDefinition::maxCrashes));
      statement.executeUpdate();
    }
  }

  /** Arrays of arrays must be rectangular in PostgreSQL, so each list of ordinals travels as text. */
  private static String literal(List<Integer> ordinals) {
    return ordinals.stream().map(String::valueOf).collect(Collectors.joining(",", "{", "}"));
  }

  private static Optional<Revision> revision(PreparedStatement statement) throws SQLException {
    try (ResultSet row = statement.executeQuery()) {
      return row.next()
          ? Optional.of(new Revision(row.getLong("template_id"), row.getInt("revision"), Rows.json(row, "definition")))
          : Optional.empty();
    }
  }
}
