package io.taskercore.engine.run;

import io.taskercore.document.Document;
import io.taskercore.document.Fields;
import io.taskercore.document.Node;
import io.taskercore.document.Path;
import io.taskercore.document.Texts;
import io.taskercore.document.Violations;
import io.taskercore.model.Json;
import io.taskercore.model.TaskerException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Options of one worker that override its coordinator's configuration.
 *
 * @param namespaces the namespaces whose steps it runs; null: the configuration's, as they are at the time
 */
public record WorkerOptions(List<String> namespaces) {

  /** No options: everything is as configured. */
  public static final WorkerOptions NONE = new WorkerOptions(null);

  private static final String NAMESPACES = "namespaces";

  private static final String AT_ONCE = "; how many handlers run at once is max_parallel_steps in the configuration";

  /** What other workers are told. */
  private static final Map<String, String> CURES = Map.of(
      "threads", AT_ONCE, "concurrency", AT_ONCE, "pool_size", AT_ONCE, "max_parallel_steps", AT_ONCE,
      "queues", "; what other libraries call queues are namespaces here", "queue", "; what other libraries call queues are namespaces here");

  public WorkerOptions {
    namespaces = namespaces == null ? null : List.copyOf(namespaces);
  }

  /**
   * @param document an object that may have {@code namespaces}, an array of names
   * @throws TaskerException.Validation naming each key that is wrong
   */
  public static WorkerOptions read(Json document) {
    Violations violations = new Violations();
    Fields fields = new Fields(Document.read(document), Path.ROOT, violations, List.of(NAMESPACES), CURES);
    List<String> namespaces = fields.node(NAMESPACES).isEmpty() ? null : names(fields, violations);
    violations.throwIfAny();
    return new WorkerOptions(namespaces);
  }

  private static List<String> names(Fields fields, Violations violations) {
    Path path = fields.path().key(NAMESPACES);
    List<Node> items = fields.array(NAMESPACES);
    if (items.isEmpty()) {
      violations.add(path, "must name at least one; leave it out for all");
    }
    List<String> names = new ArrayList<>();
    for (int i = 0; i < items.size(); i++) {
      Fields.asText(items.get(i), path.index(i), violations, Texts::badName).ifPresent(names::add);
    }
    return names;
  }
}
