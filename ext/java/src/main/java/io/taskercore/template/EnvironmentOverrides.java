package io.taskercore.template;

import io.taskercore.document.Fields;
import io.taskercore.document.Node;
import io.taskercore.document.Path;
import io.taskercore.document.Suggestion;
import io.taskercore.document.Violations;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/**
 * What one entry of {@code environments} changes: the settings of steps, but never the DAG. From weak to strong: the template's defaults,
 * the environment's defaults, the step's own settings, the environment's {@code ALL}, the environment's step.
 */
record EnvironmentOverrides(StepSettings defaults, Map<String, StepOverride> steps) {

  static final EnvironmentOverrides NONE = new EnvironmentOverrides(StepSettings.NONE, Map.of());

  private static final List<String> KEYS = List.of("defaults", "steps");
  private static final List<String> STEP_KEYS =
      Stream.concat(Stream.of("name", "handler"), StepSettings.KEYS.stream()).toList();

  static EnvironmentOverrides read(Node node, Path path, Set<String> stepNames, Violations violations) {
    Fields fields = new Fields(node, path, violations, KEYS);
    StepSettings defaults = TemplateReader.defaults(fields, violations);
    Map<String, StepOverride> steps = new HashMap<>();
    List<Node> entries = fields.array("steps");
    for (int i = 0; i < entries.size(); i++) {
      readStep(entries.get(i), path.key("steps").index(i), stepNames, steps, violations);
    }
    return new EnvironmentOverrides(defaults, steps);
  }

  private static void readStep(
      Node node, Path path, Set<String> stepNames, Map<String, StepOverride> steps, Violations violations) {
    Fields fields = new Fields(node, path, violations, STEP_KEYS);
    if (!(node instanceof Node.Obj)) {
      return;
    }
    Optional<String> name = fields.require("name").text("name", text -> null);
    StepOverride override =
        new StepOverride(fields.text("handler", StepDraft::badHandler), StepSettings.read(fields, violations));
    if (name.isEmpty()) {
      return;
    }
    if (!StepDraft.ALL.equals(name.get()) && !stepNames.contains(name.get())) {
      violations.add(
          path.key("name"),
          () -> "there is no step \"" + name.get() + '"' + Suggestion.forName(name.get(), stepNames)
              + " (ALL stands for every step)");
    }
    if (steps.put(name.get(), override) != null) {
      violations.add(path.key("name"), "\"" + name.get() + "\" is overridden twice in this environment");
    }
  }

  StepOverride of(String stepName) {
    StepOverride all = steps.getOrDefault(StepDraft.ALL, StepOverride.NONE);
    return steps.getOrDefault(stepName, StepOverride.NONE).over(all);
  }
}
