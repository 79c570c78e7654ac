package io.taskercore.template;

import com.networknt.schema.SchemaException;
import io.taskercore.document.Node;
import io.taskercore.document.Path;
import io.taskercore.document.Suggestion;
import io.taskercore.document.Violations;
import io.taskercore.model.Violation;
import java.net.URI;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** The references in a schema. They may only lead to other places in the same schema. */
final class SchemaReferences {

  private static final String DIALECT = "https://json-schema.org/draft/2020-12/schema";
  private static final Set<String> REFERENCES = Set.of("$ref", "$dynamicRef");

  private static final Pattern ABSOLUTE = Pattern.compile("[A-Za-z][A-Za-z0-9+.-]*:");

  /** Keywords whose value is data: what looks like a reference in it is none. */
  private static final Set<String> DATA = Set.of("const", "enum", "default", "examples", "required", "dependentRequired");

  /** Keywords whose value maps names of any kind to schemas. */
  private static final Set<String> MAPS =
      Set.of("properties", "patternProperties", "$defs", "definitions", "dependentSchemas");

  /** Keywords whose value is a schema, or several. */
  private static final Set<String> SCHEMAS =
      Set.of(
          "allOf", "anyOf", "oneOf", "not", "if", "then", "else", "items", "prefixItems", "contains", "additionalProperties",
          "additionalItems", "unevaluatedItems", "unevaluatedProperties", "propertyNames", "contentSchema");

  private static final Set<String> OTHERS =
      Set.of(
          "$schema", "$id", "$ref", "$anchor", "$dynamicRef", "$dynamicAnchor", "$vocabulary", "$comment", "type", "multipleOf",
          "maximum", "exclusiveMaximum", "minimum", "exclusiveMinimum", "maxLength", "minLength", "pattern", "maxItems", "minItems",
          "uniqueItems", "maxContains", "minContains", "maxProperties", "minProperties", "title", "description", "deprecated",
          "readOnly", "writeOnly", "format", "contentEncoding", "contentMediaType", "dependencies", "$recursiveRef",
          "$recursiveAnchor");

  /** Keywords of OpenAPI that look like slips, but are none. */
  private static final Set<String> ANNOTATIONS = Set.of("example");

  private static final Set<String> KEYWORDS =
      Stream.of(DATA, MAPS, SCHEMAS, OTHERS).flatMap(Set::stream).collect(Collectors.toCollection(TreeSet::new));

  /** A schema's references, as they are written. */
  private final Map<Path, String> references = new LinkedHashMap<>();

  /** The references to places other than fragments of their own document, resolved. */
  private final Map<Path, String> elsewhere = new LinkedHashMap<>();

  private final Map<Path, String> ids = new LinkedHashMap<>();
  private final Set<String> documents = new HashSet<>();
  private final Violations violations;

  private SchemaReferences(Violations violations) {
    this.violations = violations;
  }

  /** Collects the references, and notes a violation for each that leads elsewhere. */
  static SchemaReferences of(Node schema, Path path, Violations violations) {
    SchemaReferences references = new SchemaReferences(violations);
    references.visit(schema, path, "", true);
    references.refuseRemote();
    return references;
  }

  /**
   * @param base the absolute URI of the document that the schema is in; empty while no {@code $id} has named one
   * @param known whether this is certainly a schema, and not only the value of an unknown keyword
   */
  private void visit(Node schema, Path path, String base, boolean known) {
    if (schema instanceof Node.Arr array) {
      for (int i = 0; i < array.items().size(); i++) {
        visit(array.items().get(i), path.index(i), base, known);
      }
    } else if (schema instanceof Node.Obj object) {
      String own = object.members().get("$id") instanceof Node.Text id ? resolved(base, id.value()) : base;
      documents.add(own);
      object.members().forEach((keyword, value) -> visitKeyword(keyword, value, path.key(keyword), own, known));
    }
  }

  private void visitKeyword(String keyword, Node value, Path path, String base, boolean known) {
    if (known) {
      refuseSlip(keyword, path);
    }
    if (REFERENCES.contains(keyword) && value instanceof Node.Text reference) {
      visitReference(reference.value(), path, base);
    } else if (keyword.equals("$schema") && value instanceof Node.Text dialect) {
      if (!dialect.value().equals(DIALECT) && !dialect.value().equals(DIALECT + '#')) {
        violations.add(path, "must be \"" + DIALECT + "\", the only version supported");
      }
    } else if (keyword.equals("$id") && value instanceof Node.Text id) {
      ids.put(path, id.value());
    } else if (MAPS.contains(keyword) && value instanceof Node.Obj schemas) {
      schemas.members().forEach((name, schema) -> visit(schema, path.key(name), base, known));
    } else if (!DATA.contains(keyword)) {
      visit(value, path, base, known && SCHEMAS.contains(keyword));
    }
  }

  /** The standard says that an unknown keyword is an annotation. So a keyword with a slip of the pen would never be checked. */
  private void refuseSlip(String keyword, Path path) {
    if (!KEYWORDS.contains(keyword) && !ANNOTATIONS.contains(keyword) && !keyword.startsWith("x-")) {
      Suggestion.slip(keyword, KEYWORDS)
          .ifPresent(meant -> violations.add(path, "is not a keyword of JSON Schema; did you mean " + meant + "?"));
    }
  }

  private void visitReference(String reference, Path path, String base) {
    references.put(path, reference);
    if (!reference.startsWith("#")) {
      elsewhere.put(path, reference.isEmpty() ? reference : resolved(base, reference));
    }
  }

  private void refuseRemote() {
    elsewhere.forEach((path, document) -> {
      if (document.isEmpty() || !documents.contains(document)) {
        violations.add(
            path, "must refer to a place in the same schema, such as \"#/$defs/order\": other documents are never loaded");
      }
    });
  }

  /** The absolute URI without its fragment; the reference itself if it is no URI. */
  private static String resolved(String base, String reference) {
    try {
      String absolute = base.isEmpty() ? reference : URI.create(base).resolve(reference).toString();
      int fragment = absolute.indexOf('#');
      return fragment < 0 ? absolute : absolute.substring(0, fragment);
    } catch (IllegalArgumentException noUri) {
      return reference;
    }
  }

  /** What the validator found when it followed the references. It does not say where, so the place is looked up here. */
  Violation unresolved(SchemaException e) {
    String told = String.valueOf(e.getMessage());
    return references.entrySet().stream()
        .filter(entry -> told.contains("Reference " + entry.getValue().replaceFirst("^#", "") + " "))
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
