package io.taskercore.template;

import com.networknt.schema.Error;
import com.networknt.schema.path.NodePath;
import io.taskercore.document.Path;
import io.taskercore.document.Violations;
import io.taskercore.model.Format;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import tools.jackson.databind.JsonNode;

/**
 * Says in this project's words what the validator found. Messages show only the schema's side, because the payload may hold what must not
 * reach a log.
 */
final class SchemaMessages {

  private static final int SHOWN = 200;

  /** Errors about one member. Their path is that of the object that lacks the member, or should lack it. */
  private static final Set<String> ABOUT_A_MEMBER =
      Set.of("required", "additionalProperties", "unevaluatedProperties", "dependentRequired");

  private SchemaMessages() {}

  static void addForValue(List<Error> errors, Path root, Violations violations) {
    errors.forEach(error -> violations.add(path(error, root), () -> message(error)));
  }

  /**
   * A schema's own errors. The meta-schema is written in alternatives, each of which reports errors. One error per place is enough, and a
   * list of what is allowed says more than a type.
   */
  static void addForSchema(List<Error> errors, Path root, Violations violations) {
    Map<Path, Error> best = new LinkedHashMap<>();
    for (Error error : errors) {
      best.merge(path(error, root), error, (a, b) -> a.getKeyword().equals("enum") ? a : b.getKeyword().equals("enum") ? b : a);
    }
    best.forEach((path, error) -> violations.add(path, message(error)));
  }

  private static Path path(Error error, Path root) {
    NodePath location = error.getInstanceLocation();
    Path path = root;
    for (int i = 0; i < location.getNameCount(); i++) {
      path = location.getElement(i) instanceof Integer index ? path.index(index) : path.key(location.getName(i));
    }
    return ABOUT_A_MEMBER.contains(error.getKeyword()) && error.getProperty() != null
        ? path.key(error.getProperty())
        : path;
  }

  private static String message(Error error) {
    String bound = shown(error.getSchemaNode());
    return switch (error.getKeyword()) {
      case "required" -> "is required";
      case "dependentRequired" -> "is required where " + argument(error, 1) + " is given";
      case "additionalProperties", "unevaluatedProperties" -> "is not a key that the schema knows";
      case "propertyNames" -> "has a key that the schema does not allow";
      case "items", "prefixItems", "unevaluatedItems", "additionalItems" -> "has more items than the schema knows";
      case "type" -> Format.text("must be of type %s, not %s", types(error), argument(error, 0));
      case "enum" -> "must be one of " + bound.replaceAll("^\\[|]$", "").replace(",", ", ");
      case "const" -> "must be " + bound;
      case "minimum" -> "must be at least " + bound;
      case "maximum" -> "must be at most " + bound;
      case "exclusiveMinimum" -> "must be more than " + bound;
      case "exclusiveMaximum" -> "must be less than " + bound;
      case "multipleOf" -> "must be a multiple of " + bound;
      case "minLength" -> "must be at least " + bound + " characters long";
      case "maxLength" -> "must be at most " + bound + " characters long";
      case "pattern" -> "must match the pattern " + bound;
      case "format" -> "must be a valid " + bound.replace("\"", "").replace("regex", "regular expression");
      case "minItems" -> "must have " + bound + " items or more";
      case "maxItems" -> "must have " + bound + " items or fewer";
      case "uniqueItems" -> "must not have the same item twice";
      case "minProperties" -> "must have " + bound + " keys or more";
      case "maxProperties" -> "must have " + bound + " keys or fewer";
      case "contains", "minContains", "maxContains" -> "does not have the items that the schema's contains asks for";
      case "anyOf" -> "must fit at least one of the schema's anyOf";
      case "oneOf" -> "must fit exactly one of the schema's oneOf";
      case "not" -> "must not fit the schema's not";
      case "false" -> "is not allowed by the schema";
      default -> "does not satisfy the schema's " + error.getKeyword();
    };
  }

  private static String types(Error error) {
    return argument(error, 1).replaceAll("[\\[\\]\"]", "").replace(", ", " or ");
  }

  private static String argument(Error error, int index) {
    Object[] arguments = error.getArguments();
    return arguments != null && arguments.length > index ? String.valueOf(arguments[index]) : "another";
  }

  private static String shown(JsonNode node) {
    String text = String.valueOf(node);
    return text.length() <= SHOWN ? text : text.substring(0, SHOWN) + "…";
  }
}
