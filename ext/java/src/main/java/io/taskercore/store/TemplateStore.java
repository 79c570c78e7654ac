package io.taskercore.store;

import io.taskercore.model.Json;
import io.taskercore.model.StepDefinition;
import io.taskercore.model.TaskTemplate;
import io.taskercore.model.TemplateKey;
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

  /** A stored revision: which it is, and its resolved document. */
  public record Revision(TemplateKey key, int revision, Json definition) {}

  /** Makes other registrations of the same name wait until this transaction ends. */
  public void lockName(Connection connection, String namespace, String name) throws SQLException {
    String sql = "SELECT pg_advisory_xact_lock(hashtextextended('tasker.template:' || ? || ':' || ?, 0))";
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      statement.setString(1, namespace);
      statement.setString(2, name);
      statement.execute();
    }
  }

  /** The namespaces in which there is a template of this name, in their order. */
  public List<String> namespacesOf(Connection connection, String name, int most) throws SQLException {
    String sql = "SELECT DISTINCT namespace FROM tasker.templates WHERE name = ? ORDER BY namespace LIMIT ?";
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      statement.setString(1, name);
      statement.setInt(2, most);
      return texts(statement);
    }
  }

  /** The names of templates in a namespace. */
  public List<String> namesIn(Connection connection, String namespace, int most) throws SQLException {
    String sql = "SELECT DISTINCT name FROM tasker.templates WHERE namespace = ? ORDER BY name LIMIT ?";
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      statement.setString(1, namespace);
      statement.setInt(2, most);
      return texts(statement);
    }
  }

  /** The newest revision of the version; by templates_newest. */
  public Optional<Revision> newest(Connection connection, String namespace, String name, String version)
      throws SQLException {
    String sql = """
        SELECT template_id, digest, revision, definition
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
   * The newest revision of the version, for a caller that may know the rest already.
   *
   * @param version null: the highest release, or the highest pre-release where there is no release
   */
  public Optional<TemplateKey> newestKey(Connection connection, String namespace, String name, String version)
      throws SQLException {
    String sql = "SELECT template_id, digest FROM tasker.templates WHERE template_id = tasker.newest_template(?, ?, ?)";
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      statement.setString(1, namespace);
      statement.setString(2, name);
      statement.setString(3, version);
      try (ResultSet row = statement.executeQuery()) {
        return row.next() ? Optional.of(key(row)) : Optional.empty();
      }
    }
  }

  public Optional<Revision> find(Connection connection, TemplateKey key) throws SQLException {
    String sql = "SELECT template_id, digest, revision, definition FROM tasker.templates WHERE template_id = ? AND digest = ?";
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      statement.setLong(1, key.templateId());
      statement.setLong(2, key.digest());
      return revision(statement);
    }
  }

  /** The template that was written last. */
  public TemplateKey newestKey(Connection connection) throws SQLException {
    String sql = "SELECT template_id, digest FROM tasker.templates ORDER BY template_id DESC LIMIT 1";
    try (PreparedStatement statement = connection.prepareStatement(sql);
        ResultSet row = statement.executeQuery()) {
      return row.next() ? key(row) : TemplateKey.NONE;
    }
  }

  /** {@link TemplateKey#NONE} if the columns are null. */
  static TemplateKey key(ResultSet row) throws SQLException {
    return new TemplateKey(row.getLong("template_id"), row.getLong("digest"));
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

  /** The versions of a name, highest first, for the error message that lists them. */
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
      return texts(statement);
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
          ? Optional.of(new Revision(key(row), row.getInt("revision"), Rows.json(row, "definition")))
          : Optional.empty();
    }
  }

  private static List<String> texts(PreparedStatement statement) throws SQLException {
    try (ResultSet row = statement.executeQuery()) {
      List<String> texts = new ArrayList<>();
      while (row.next()) {
        texts.add(row.getString(1));
      }
      return texts;
    }
  }
}
