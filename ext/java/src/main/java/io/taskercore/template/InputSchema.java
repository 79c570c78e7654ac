package io.taskercore.template;

import com.networknt.schema.ExecutionConfig;
import com.networknt.schema.Schema;
import com.networknt.schema.SchemaException;
import com.networknt.schema.ValidationLimitExceededException;
import io.taskercore.document.Document;
import io.taskercore.document.Path;
import io.taskercore.document.Violations;
import io.taskercore.model.Json;
import io.taskercore.model.TaskerException;
import io.taskercore.model.Violation;
import java.util.List;
import tools.jackson.databind.JsonNode;

/**
 * A JSON Schema (2020-12) that payloads are held against. Formats are asserted; nothing is ever fetched. Thread-safe.
 *
 * <p>The first one that a process checks takes it 0.4 s of processor time, nearly all of it class loading (the first stored one,
 * 0.2 s); who has no schema pays nothing.
 */
public final class InputSchema {

  private static final Path SCHEMA = Path.ROOT.key("input_schema");

  /** Bounds what a schema that refers to itself can cost; a payload of the greatest depth needs a fraction of this. */
  private static final ExecutionConfig LIMITS =
      ExecutionConfig.builder()
          .formatAssertionsEnabled(true)
          .maxEvaluationDepth(2_000)
          .maxEvaluationSteps(50_000_000)
          .build();

  private final Schema schema;

  private InputSchema(Schema schema) {
    this.schema = schema;
  }

  /**
   * Checks and compiles a schema, for the caller to keep.
   *
   * @throws TaskerException.Validation if it is not a JSON Schema 2020-12, or refers to another document; paths begin with
   *     {@code input_schema}
   */
  public static InputSchema compile(Json schema) {
    Violations violations = new Violations();
    JsonNode tree = SchemaTree.read(schema, SCHEMA);
    SchemaReferences references = SchemaReferences.of(Document.read(schema), SCHEMA, violations);
    SchemaMessages.addForSchema(SchemaLibrary.metaSchema().validate(tree), SCHEMA, violations);
    violations.throwIfAny();
    try {
      InputSchema compiled = new InputSchema(SchemaLibrary.compile(tree));
      // A schema that refers to itself without going deeper into the payload does so with the smallest payload too.
      compiled.schema.validate(SchemaTree.read(Json.EMPTY_OBJECT, SCHEMA), run -> run.setExecutionConfig(LIMITS));
      return compiled;
    } catch (ValidationLimitExceededException | StackOverflowError e) {
      throw new TaskerException.Validation(SCHEMA.text(), "refers to itself without end");
    } catch (SchemaException e) {
      throw new TaskerException.Validation(List.of(references.unresolved(e)));
    }
  }

  /** Compiles the schema of a stored template, which was checked when the template was registered. */
  public static InputSchema stored(Json schema) {
    return new InputSchema(SchemaLibrary.compile(SchemaTree.read(schema, SCHEMA)));
  }

  /** What keeps the payload from satisfying the schema, each with its path, such as {@code payload.items[3].price}. */
  public List<Violation> validate(Json payload) {
    return validate(payload, "payload");
  }

  /**
   * The same for a payload among others.
   *
   * @param path where the payload stands, {@code [17].payload}
   * @return nothing if the payload satisfies the schema
   */
  public List<Violation> validate(Json payload, String path) {
    Violations violations = new Violations();
    Path root = new Path(path);
    try {
      JsonNode tree = SchemaTree.read(payload, root);
      SchemaMessages.addForValue(schema.validate(tree, run -> run.setExecutionConfig(LIMITS)), root, violations);
    } catch (TaskerException.Validation e) {
      violations.addAll(e.violations());
    } catch (ValidationLimitExceededException | StackOverflowError e) {
      // Java's regular expressions recurse: some patterns need more stack than a long string leaves.
      violations.add(root, "cannot be checked: the template's input_schema takes too much on it");
    }
    return violations.list();
  }
}
