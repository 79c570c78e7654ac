package io.taskercore.template;

import io.taskercore.document.Document;
import io.taskercore.document.Fields;
import io.taskercore.document.Node;
import io.taskercore.document.Path;
import io.taskercore.document.Texts;
import io.taskercore.document.Violations;
import io.taskercore.model.FailureMode;
import io.taskercore.model.Json;
import io.taskercore.model.StepDefinition;
import io.taskercore.model.TaskTemplate;
import io.taskercore.model.TaskerException;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Reads a template document, checks all of it, and resolves it for one environment. */
public final class TemplateReader {

  public static final String DEFAULT_NAMESPACE = "default";

  private static final List<String> KEYS =
      List.of(
          "namespace", "name", "version", "description", "input_schema", "on_step_failure", "defaults", "steps",
          "environments");

  private final Violations violations = new Violations();
  private final Fields fields;
  private final boolean checksSchema;

  private TemplateReader(Node document, boolean checksSchema) {
    this.fields = new Fields(document, Path.ROOT, violations, KEYS);
    this.checksSchema = checksSchema;
    if (!(document instanceof Node.Obj)) {
      violations.throwIfAny();
    }
  }

  /**
   * Reads and checks a template.
   *
   * @param document the template as its author wrote it, in JSON
   * @param environment which of the template's {@code environments} to apply, if it has that one
   * @throws TaskerException.Validation with everything that is wrong, each with its path in the document
   */
  public static TaskTemplate read(Json document, String environment) {
    return new TemplateReader(Document.read(document), true).template(environment);
  }

  /** Reads a {@link TaskTemplate#document()} back. Its input schema was checked when it was registered, and is not checked again. */
  public static TaskTemplate readStored(Json document) {
    return new TemplateReader(Document.read(document), false).template("");
  }

  private TaskTemplate template(String environment) {
    fields.require("name").require("version").require("steps");
    String namespace = fields.text("namespace", Texts::badName).orElse(DEFAULT_NAMESPACE);
    String name = fields.text("name", Texts::badName).orElse("");
    String version = version();
    Optional<String> description = fields.text("description", text -> null);
    FailureMode onStepFailure =
        fields.choice("on_step_failure", List.of(FailureMode.values()), FailureMode::value).orElse(FailureMode.CONTINUE);
    Optional<Json> inputSchema = inputSchema();
    StepSettings defaults = defaults(fields, violations);
    List<StepDraft> drafts = drafts();
    List<StepOrder.Placed> order = StepOrder.of(drafts, violations);
    EnvironmentOverrides overrides = overrides(environment, drafts);
    violations.throwIfAny();

    StepSettings base = overrides.defaults().over(defaults);
    List<StepDefinition> steps =
        order.stream()
            .map(placed -> step(drafts.get(placed.index()), placed, base, overrides))
            .toList();
    List<Optional<String>> descriptions =
        order.stream().map(placed -> drafts.get(placed.index()).description()).toList();
    Json document =
        new CanonicalDocument(namespace, name, version, description, inputSchema, onStepFailure, steps, descriptions)
            .json();
    return new TaskTemplate(namespace, name, version, onStepFailure, inputSchema, steps, document);
  }

  private String version() {
    Optional<Node> given = fields.node("version");
    if (given.isPresent() && given.get() instanceof Node.Num number) {
      violations.add(
          Path.ROOT.key("version"),
          "must be a semantic version in quotes, such as \"1.0.0\", not " + number.described());
      return "";
    }
    return fields.text("version", SemanticVersion::problem).orElse("");
  }

  private Optional<Json> inputSchema() {
    Optional<Json> schema = fields.object("input_schema").map(node -> Document.write(Document.sorted(node)));
    if (checksSchema && schema.isPresent()) {
      try {
        InputSchema.compile(schema.get());
      } catch (TaskerException.Validation e) {
        violations.addAll(e.violations());
      }
    }
    return schema;
  }

  static StepSettings defaults(Fields fields, Violations violations) {
    return fields
        .node("defaults")
        .map(node -> new Fields(node, fields.path().key("defaults"), violations, StepSettings.KEYS))
        .map(given -> StepSettings.read(given, violations))
        .orElse(StepSettings.NONE);
  }

  private List<StepDraft> drafts() {
    List<Node> nodes = fields.array("steps");
    Path path = Path.ROOT.key("steps");
    boolean isArray = fields.node("steps").filter(Node.Arr.class::isInstance).isPresent();
    if (nodes.size() > TaskTemplate.MAX_STEPS || (isArray && nodes.isEmpty())) {
      violations.add(path, "must have 1 to " + TaskTemplate.MAX_STEPS + " steps, but has " + nodes.size());
      return List.of();
    }
    List<StepDraft> drafts = new ArrayList<>();
    for (Node node : nodes) {
      drafts.add(StepDraft.read(node, path.index(drafts.size()), violations));
    }
    return drafts;
  }

  /** Checks all environments, so that a mistake in production's overrides shows in development. */
  private EnvironmentOverrides overrides(String environment, List<StepDraft> drafts) {
    Set<String> stepNames = new LinkedHashSet<>();
    drafts.forEach(draft -> stepNames.add(draft.name()));
    Map<String, Node> environments = fields.object("environments").map(Node.Obj::members).orElse(Map.of());
    EnvironmentOverrides wanted = EnvironmentOverrides.NONE;
    for (Map.Entry<String, Node> entry : environments.entrySet()) {
      if (entry.getValue() == Node.Null.NULL) {
        continue;
      }
      Path path = Path.ROOT.key("environments").key(entry.getKey());
      EnvironmentOverrides read = EnvironmentOverrides.read(entry.getValue(), path, stepNames, violations);
      if (entry.getKey().equals(environment)) {
        wanted = read;
      }
    }
    return wanted;
  }

  private static StepDefinition step(
      StepDraft draft, StepOrder.Placed placed, StepSettings base, EnvironmentOverrides overrides) {
    StepOverride override = overrides.of(draft.name());
    StepSettings settings = override.settings().over(draft.settings().over(base));
    return new StepDefinition(
        draft.name(),
        override.handler().orElse(draft.handler()),
        placed.parents(),
        placed.children(),
        Document.write(Document.sorted(settings.config())),
        settings.retry().resolved(),
        settings.timeoutMs().orElse(null),
        settings.maxCrashes().orElse(null));
  }
}
