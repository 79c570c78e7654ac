package io.taskercore.engine.task;

import io.taskercore.model.Format;
import io.taskercore.model.Json;
import io.taskercore.model.JsonWriter;
import io.taskercore.model.TaskTemplate;
import io.taskercore.model.TaskerException;
import io.taskercore.model.Violation;
import io.taskercore.store.Database;
import io.taskercore.store.TemplateStore;
import io.taskercore.store.TemplateStore.Revision;
import io.taskercore.template.InputSchema;
import io.taskercore.template.SemanticVersion;
import io.taskercore.template.TemplateReader;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** Registers templates, and finds them. Rows never change, so what was read once is kept. */
public final class TemplateRegistry {

  /** Where a version may be registered again with other content; there, new tasks get the new revision. */
  private static final Set<String> REVISING = Set.of("development", "test");

  private final Database database;
  private final TemplateStore store = new TemplateStore();
  private final Map<Long, Registered> byId = new ConcurrentHashMap<>();

  public TemplateRegistry(Database database) {
    this.database = database;
  }

  /** A template under its id. */
  public static final class Registered {

    private final long templateId;
    private final TaskTemplate template;
    private volatile InputSchema schema;

    private Registered(long templateId, TaskTemplate template) {
      this.templateId = templateId;
      this.template = template;
    }

    public long templateId() {
      return templateId;
    }

    public TaskTemplate template() {
      return template;
    }

    /** What is wrong with a payload; the schema is made ready when the first one is to be checked. */
    public List<Violation> validate(Json payload, String path) {
      if (template.inputSchema().isEmpty()) {
        return List.of();
      }
      InputSchema ready = schema;
      if (ready == null) {
        ready = InputSchema.stored(template.inputSchema().get());
        schema = ready;
      }
      return ready.validate(payload, path);
    }
  }

  public Json register(Json document, String environment) {
    TaskTemplate template = TemplateReader.read(document, environment);
    long templateId = database.transaction(connection -> register(connection, template, environment));
    return JsonWriter.object(out -> out
        .put("namespace", template.namespace())
        .put("name", template.name())
        .put("version", template.version())
        .put("template_id", templateId)
        .put("step_count", template.steps().size()));
  }

  private long register(Connection connection, TaskTemplate template, String environment) throws SQLException {
    store.lockName(connection, template.namespace(), template.name());
    Optional<Revision> known = store.newest(connection, template.namespace(), template.name(), template.version());
    if (known.isPresent() && known.get().definition().equals(template.document())) {
      return known.get().templateId();
    }
    if (known.isPresent() && !REVISING.contains(environment)) {
      throw new TaskerException.Validation("version",
          Format.text(
              "%s of %s is registered with other content; give the changed template a new version (environment %s)",
              template.version(), template.name(), environment));
    }
    String order = SemanticVersion.parse(template.version()).orElseThrow().sortKey();
    int revision = known.map(Revision::revision).orElse(0) + 1;
    return store.insert(connection, template, order, revision);
  }

  Registered get(Connection connection, long templateId) throws SQLException {
    Registered known = byId.get(templateId);
    if (known == null) {
      Revision stored = store.find(connection, templateId)
          .orElseThrow(() -> new TaskerException.TemplateNotFound("Template not found: id " + templateId));
      known = new Registered(templateId, TemplateReader.readStored(stored.definition()));
      byId.put(templateId, known);
    }
    return known;
  }

  /** @param version null: the highest release, or the highest pre-release where there is no release */
  public Registered newest(Connection connection, String namespace, String name, String version) throws SQLException {
    Optional<Long> templateId = store.newestId(connection, namespace, name, version);
    if (templateId.isEmpty()) {
      throw new TaskerException.TemplateNotFound(notFound(connection, namespace, name, version));
    }
    return get(connection, templateId.get());
  }

  /** The id of the template registered last; 0 where there is none. */
  public long newestId() {
    return database.call(store::newestId);
  }

  /** The names of all handlers that templates ask for. */
  public Set<String> handlerNames() {
    return database.call(store::handlerNames);
  }

  private String notFound(Connection connection, String namespace, String name, String version) throws SQLException {
    List<String> versions = version == null ? List.of() : store.versions(connection, namespace, name);
    String missing = "Template not found: " + name + (version == null ? "" : " version " + version)
        + " in namespace " + namespace;
    return versions.isEmpty()
        ? missing + "; register it with register_template"
        : missing + "; registered versions: " + String.join(", ", versions);
  }
}
