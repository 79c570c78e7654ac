package io.taskercore.event;

import io.taskercore.document.Document;
import io.taskercore.document.Fields;
import io.taskercore.document.Node;
import io.taskercore.document.Path;
import io.taskercore.document.Texts;
import io.taskercore.document.Violations;
import io.taskercore.model.Json;
import io.taskercore.model.TaskerException;
import java.time.Instant;
import java.util.List;

/** Reads the events that an application publishes. */
public final class EventReader {

  private static final List<String> KEYS =
      List.of("name", "task_id", "step_id", "task_name", "namespace", "step_name", "attempt", "correlation_id", "data");

  private EventReader() {}

  /**
   * Reads and checks an event.
   *
   * @param at when it was published
   * @throws TaskerException.Validation with everything that is wrong, each with its path
   */
  public static Event read(Json document, Instant at) {
    Violations violations = new Violations();
    Fields fields = new Fields(Document.read(document), Path.ROOT, violations, KEYS).require("name");
    Event event = new Event(
        fields.text("name", EventReader::badName).orElse(null),
        fields.integer("task_id", 1, Long.MAX_VALUE).orElse(null),
        fields.integer("step_id", 1, Long.MAX_VALUE).orElse(null),
        fields.text("task_name", EventReader::badLabel).orElse(null),
        fields.text("namespace", EventReader::badLabel).orElse(null),
        fields.text("step_name", EventReader::badLabel).orElse(null),
        null,
        null,
        fields.integer("attempt", 1, Integer.MAX_VALUE).map(Long::intValue).orElse(null),
        fields.text("correlation_id", EventReader::badLabel).orElse(null),
        at,
        Document.write(fields.object("data").orElse(Node.Obj.EMPTY)));
    violations.throwIfAny();
    return event;
  }

  private static String badName(String name) {
    if (!EventPattern.isName(name)) {
      return "must be words joined by dots, such as \"order.refunded\"";
    }
    return CoreEvents.isReserved(name) ? "must not begin with task. or step., which the core's own events do" : null;
  }

  private static String badLabel(String text) {
    return Texts.badLabel(text, Texts.MAX_LENGTH);
  }
}
