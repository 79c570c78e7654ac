package io.taskercore.template;

import io.taskercore.document.Fields;
import io.taskercore.document.Node;
import io.taskercore.document.Path;
import io.taskercore.document.Texts;
import io.taskercore.document.Violations;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * A step as the document has it, before defaults and overrides.
 *
 * @param name as written, even if it is not allowed as a name, so that other steps' {@code depends_on} still find it; empty if there is
 *     none
 * @param dependsOn the items as written: {@link StepOrder} checks them, because that takes all the steps
 */
record StepDraft(
    Path path,
    String name,
    String handler,
    Optional<String> description,
    List<Node> dependsOn,
    StepSettings settings) {

  /** In an environment's overrides this stands for every step, so no step may have this name. */
  static final String ALL = "ALL";

  private static final List<String> KEYS =
      Stream.concat(Stream.of("name", "handler", "depends_on", "description"), StepSettings.KEYS.stream()).toList();

  static StepDraft read(Node node, Path path, Violations violations) {
    Fields fields = new Fields(node, path, violations, KEYS);
    if (node instanceof Node.Obj) {
      fields.require("name").require("handler");
    }
    fields.text("name", StepDraft::badName);
    String name = fields.node("name").map(given -> given instanceof Node.Text text ? text.value() : "").orElse("");
    return new StepDraft(
        path,
        name,
        fields.text("handler", StepDraft::badHandler).orElse(""),
        fields.text("description", text -> null),
        fields.array("depends_on"),
        StepSettings.read(fields, violations));
  }

  static String badHandler(String handler) {
    return Texts.badLabel(handler, Texts.MAX_LENGTH);
  }

  private static String badName(String name) {
    return ALL.equals(name)
        ? "must not be ALL, which stands for every step in an environment's overrides"
        : Texts.badName(name);
  }
}
