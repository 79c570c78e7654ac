package io.taskercore.template;

import com.networknt.schema.SchemaException;
import io.taskercore.document.Node;
import io.taskercore.document.Path;
import io.taskercore.document.Violations;
import io.taskercore.model.Violation;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;

/** The references in a schema, which may lead to other places of the same schema only. */
final class SchemaReferences {

  private static final String DIALECT = "https://json-schema.org/draft/2020-12/schema";
  private static final Set<String> REFERENCES = Set.of("$ref", "$dynamicRef");

  private static final Pattern ABSOLUTE = Pattern.compile("[A-Za-z][A-Za-z0-9+.-]*:");

  /** Keywords whose value is data: what looks like a reference in it is none. */
  private static final Set<String> DATA = Set.of("const", "enum", "default", "examples", "required", "dependentRequired");

  /** Keywords whose value maps names of any kind to schemas. */
  private static final Set<String> MAPS =
      Set.of("properties", "patternProperties", "$defs", "definitions", "dependentSchemas");

  private final Map<Path, String> local = new LinkedHashMap<>();
  private final Map<Path, String> ids = new LinkedHashMap<>();
  private final Violations violations;

  private SchemaReferences(Violations violations) {
    this.violations = violations;
  }

  /** Collects the references, and notes those that lead elsewhere. */
  static SchemaReferences of(Node schema, Path path, Violations violations) {
    SchemaReferences references = new SchemaReferences(violations);
    references.visit(schema, path);
    return references;
  }

  private void visit(Node schema, Path path) {
    if (schema instanceof Node.Arr array) {
      for (int i = 0; i < array.items().size(); i++) {
        visit(array.items().get(i), path.index(i));
      }
    } else if (schema instanceof Node.Obj object) {
      object.members().forEach((keyword, value) -> visitKeyword(keyword, value, path.key(keyword)));
    }
  }

  private void visitKeyword(String keyword, Node value, Path path) {
    if (REFERENCES.contains(keyword) && value instanceof Node.Text reference) {
      visitReference(reference.value(), path);
    } else if (keyword.equals("$schema") && value instanceof Node.Text dialect) {
      if (!dialect.value().equals(DIALECT) && !dialect.value().equals(DIALECT + '#')) {
        violations.add(path, "must be \"" + DIALECT + "\", the only version supported");
      }
    } else if (keyword.equals("$id") && value instanceof Node.Text id) {
      ids.put(path, id.value());
    } else if (MAPS.contains(keyword) && value instanceof Node.Obj schemas) {
      schemas.members().forEach((name, schema) -> visit(schema, path.key(name)));
    } else if (!DATA.contains(keyword)) {
      visit(value, path);
    }
  }

  private void visitReference(String reference, Path path) {
    if (reference.startsWith("#")) {
      local.put(path, reference);
    } else {
      violations.add(
          path, "must refer to a place in the same schema, such as \"#/$defs/order\": other documents are never loaded");
    }
  }

  /** What the validator found when it followed the references, which it tells without their place. */
  Violation unresolved(SchemaException e) {
    String told = String.valueOf(e.getMessage());
    return local.entrySet().stream()
        .filter(entry -> told.contains("Reference " + entry.getValue().substring(1) + " "))
        .findFirst()
        .map(entry -> new Violation(entry.getKey().text(), "there is no " + entry.getValue() + " in the schema"))
        .or(this::relativeId)
        .orElseGet(() -> new Violation("input_schema", "is not a usable JSON Schema: " + told));
  }

  private Optional<Violation> relativeId() {
    return ids.entrySet().stream()
        .filter(entry -> !ABSOLUTE.matcher(entry.getValue()).lookingAt())
        .findFirst()
        .map(entry -> new Violation(entry.getKey().text(), "must be an absolute URI, such as \"https://example.com/order\""));
  }
}
