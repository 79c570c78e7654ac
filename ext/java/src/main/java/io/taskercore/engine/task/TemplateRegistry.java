package io.taskercore.engine.task;

import io.taskercore.document.Suggestion;
import io.taskercore.model.Format;
import io.taskercore.model.Json;
import io.taskercore.model.JsonWriter;
import io.taskercore.model.TaskTemplate;
import io.taskercore.model.TaskerException;
import io.taskercore.model.TemplateKey;
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

/**
 * Registers templates, and finds them. Rows never change, so what was read once is kept. It is kept under its digest as well: an id alone
 * may mean another template if the database was emptied, restored or has failed over.
 */
public final class TemplateRegistry {

  /** In these environments a version may be registered again with other content; new tasks then get the new revision. */
  private static final Set<String> REVISING = Set.of("development", "test");

  /** A message names so many namespaces, and looks at so many names for one that was meant. */
  private static final int MOST_NAMES = 5;

  private static final int MOST_COMPARED = 1_000;

  private final Database database;
  private final TemplateStore store = new TemplateStore();
  private final Map<TemplateKey, Registered> known = new ConcurrentHashMap<>();

  /** The newest versions that were found last. They may have changed since: whoever uses one must make sure. */
  private final Map<Wanted, Registered> newest = new ConcurrentHashMap<>();

  /** @param version null: the newest */
  private record Wanted(String namespace, String name, String version) {}

  public TemplateRegistry(Database database) {
    this.database = database;
  }

  /** A template as it is stored. */
  public static final class Registered {

    private final TemplateKey key;
    private final TaskTemplate template;
    private volatile InputSchema schema;

    private Registered(TemplateKey key, TaskTemplate template) {
      this.key = key;
      this.template = template;
    }

    public TemplateKey key() {
      return key;
    }

    public TaskTemplate template() {
      return template;
    }

    /** What is wrong with a payload. The schema is compiled when the first payload is checked. */
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
    return JsonWriter.object(out -> {
      describe(out, template);
      out.put("template_id", templateId);
    });
  }

  /** Checks a template as {@link #register} does, without a database. What is registered already is not looked at. */
  public static Json check(Json document, String environment) {
    TaskTemplate template = TemplateReader.read(document, environment);
    return JsonWriter.object(out -> describe(out, template));
  }

  private static void describe(JsonWriter out, TaskTemplate template) {
    out.put("namespace", template.namespace())
        .put("name", template.name())
        .put("version", template.version())
        .put("step_count", template.steps().size());
  }

  private long register(Connection connection, TaskTemplate template, String environment) throws SQLException {
    store.lockName(connection, template.namespace(), template.name());
    Optional<Revision> known = store.newest(connection, template.namespace(), template.name(), template.version());
    if (known.isPresent() && known.get().definition().equals(template.document())) {
      return known.get().key().templateId();
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

  Registered get(Connection connection, TemplateKey key) throws SQLException {
    Registered template = known.get(key);
    if (template == null) {
      Revision stored = store.find(connection, key)
          .orElseThrow(() -> new TaskerException.TemplateNotFound("Template not found: id " + key.templateId()));
      template = new Registered(key, TemplateReader.readStored(stored.definition()));
      known.put(key, template);
    }
    return template;
  }

  /** @param version null: the highest release, or the highest pre-release where there is no release */
  public Registered newest(Connection connection, String namespace, String name, String version) throws SQLException {
    Optional<TemplateKey> key = store.newestKey(connection, namespace, name, version);
    if (key.isEmpty()) {
      throw new TaskerException.TemplateNotFound(notFound(connection, namespace, name, version));
    }
    Registered found = get(connection, key.get());
    newest.put(new Wanted(namespace, name, version), found);
    return found;
  }

  /** What {@link #newest} found last, which may no longer be the newest; null if nobody has asked. */
  public Registered remembered(String namespace, String name, String version) {
    return newest.get(new Wanted(namespace, name, version));
  }

  /** The template that was registered last. */
  public TemplateKey lastRegistered() {
    return database.call(connection -> store.newestKey(connection));
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
        ? missing + hint(connection, namespace, name)
        : missing + "; registered versions: " + String.join(", ", versions);
  }

  private String hint(Connection connection, String namespace, String name) throws SQLException {
    List<String> elsewhere = store.namespacesOf(connection, name, MOST_NAMES);
    if (!elsewhere.isEmpty()) {
      return "; there is one in the namespace " + String.join(", ", elsewhere);
    }
    String meant = Suggestion.forName(name, store.namesIn(connection, namespace, MOST_COMPARED));
    return meant.isEmpty() ? "; register it with register_template" : meant;
  }
}
