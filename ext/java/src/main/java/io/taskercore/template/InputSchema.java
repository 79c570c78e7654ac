package io.taskercore.template;

import com.networknt.schema.Error;
import com.networknt.schema.ExecutionConfig;
import com.networknt.schema.ExecutionContext;
import com.networknt.schema.OutputFormat;
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
import java.util.Locale;
import tools.jackson.databind.JsonNode;

/**
 * A JSON Schema (2020-12) that payloads are checked against. Formats are asserted; nothing is ever fetched. Thread-safe.
 *
 * <p>The first schema that a process checks takes it 0.4 s of processor time, nearly all of it class loading (the first stored one, 0.2
 * s). A process without schemas pays nothing.
 */
public final class InputSchema {

  private static final Path SCHEMA = Path.ROOT.key("input_schema");

  /**
   * What the checks of a schema itself may cost. They grow with its size only; each keyword takes many, because the schema of schemas is
   * large.
   */
  private static final Effort.Limits OF_THE_SCHEMA = new Effort.Limits(5_000_000, 500, 20_000_000, 100, 100_000);

  /** Longer schemas are programs. */
  private static final int MAX_BYTES = 512 << 10;

  /** Bounds the depth of evaluating a schema that refers to itself; a payload of the greatest depth needs a fraction of this. */
  private static final ExecutionConfig CONFIG =
      ExecutionConfig.builder().formatAssertionsEnabled(true).maxEvaluationDepth(2_000).build();

  private final Schema schema;
  private final Effort.Limits limits;

  private InputSchema(Schema schema, Effort.Limits limits) {
    this.schema = schema;
    this.limits = limits;
  }

  /**
   * Checks and compiles a schema, for the caller to keep.
   *
   * @throws TaskerException.Validation if it is not a JSON Schema 2020-12, refers to another document, is too large or asks for
   *     too much; paths begin with {@code input_schema}
   */
  public static InputSchema compile(Json schema) {
    return compile(schema, Effort.Limits.USUAL, MAX_BYTES);
  }

  /**
   * The same with other limits than the usual ones.
   *
   * @param limits what each check of a payload may cost
   * @param maxBytes how large the schema may be
   */
  static InputSchema compile(Json schema, Effort.Limits limits, int maxBytes) {
    if (schema.size() > maxBytes) {
      throw new TaskerException.Validation(
          SCHEMA.text(), String.format(Locale.ROOT, "has %,d bytes, more than the %,d allowed", schema.size(), maxBytes));
    }
    Violations violations = new Violations();
    JsonNode tree = SchemaTree.read(schema, SCHEMA);
    SchemaReferences references = SchemaReferences.of(Document.read(schema), SCHEMA, violations);
    try {
      SchemaMessages.addForSchema(
          check(SchemaLibrary.metaSchema(), tree, new Effort(OF_THE_SCHEMA, schema.size())), SCHEMA, violations);
      violations.throwIfAny();
      InputSchema compiled = new InputSchema(SchemaLibrary.compile(tree), limits);
      // If a schema refers to itself without going deeper into the payload, it does so with the smallest payload too.
      check(compiled.schema, SchemaTree.read(Json.EMPTY_OBJECT, SCHEMA), new Effort(limits, Json.EMPTY_OBJECT.size()));
      return compiled;
    } catch (Effort.Exhausted e) {
      throw new TaskerException.Validation(SCHEMA.text(), "asks for too much: " + e.getMessage());
    } catch (ValidationLimitExceededException | StackOverflowError e) {
      throw new TaskerException.Validation(SCHEMA.text(), "refers to itself without end");
    } catch (SchemaException e) {
      throw new TaskerException.Validation(List.of(references.unresolved(e)));
    }
  }

  /** Compiles the schema of a stored template, which was checked when the template was registered. */
  public static InputSchema stored(Json schema) {
    return new InputSchema(SchemaLibrary.compile(SchemaTree.read(schema, SCHEMA)), Effort.Limits.USUAL);
  }

  private static List<Error> check(Schema schema, JsonNode value, Effort effort) {
    effort.begin();
    try {
      return schema.validate(effort, value, OutputFormat.DEFAULT, (ExecutionContext run) -> run.setExecutionConfig(CONFIG));
    } finally {
      effort.end();
    }
  }

  /** The violations that keep the payload from satisfying the schema, each with its path, such as {@code payload.items[3].price}. */
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
      SchemaMessages.addForValue(check(schema, tree, new Effort(limits, payload.size())), root, violations);
    } catch (TaskerException.Validation e) {
      violations.addAll(e.violations());
    } catch (Effort.Exhausted e) {
      violations.add(root, "cannot be checked: the template's input_schema takes too much on it (" + e.getMessage() + ")");
    } catch (ValidationLimitExceededException | StackOverflowError e) {
      // Java's regular expressions recurse: with a long string, some patterns need more stack than there is.
      violations.add(root, "cannot be checked: the template's input_schema takes too much on it");
    }
    return violations.list();
  }
}
