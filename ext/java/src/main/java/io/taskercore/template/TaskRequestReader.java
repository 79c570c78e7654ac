package io.taskercore.template;

import io.taskercore.document.Fields;
import io.taskercore.document.JsonInput;
import io.taskercore.document.Node;
import io.taskercore.document.Path;
import io.taskercore.document.Suggestion;
import io.taskercore.document.Texts;
import io.taskercore.document.Violations;
import io.taskercore.model.Format;
import io.taskercore.model.Json;
import io.taskercore.model.TaskerException;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.format.DateTimeParseException;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Function;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;

/**
 * Reads a task request in one pass. The payload is skipped over and its bytes are taken as they are, so that a request costs little more
 * than a look at it.
 */
public final class TaskRequestReader {

  private static final List<String> KEYS =
      List.of(
          "namespace", "task_name", "version", "payload", "priority", "idempotency_key", "correlation_id", "run_at",
          "tags", "initiator", "reason");

  /** What these are called elsewhere. */
  private static final Map<String, String> CURES = Map.ofEntries(
      Map.entry("name", "task_name"), Map.entry("workflow", "task_name"), Map.entry("template", "task_name"), Map.entry("task", "task_name"),
      Map.entry("input", "payload"), Map.entry("args", "payload"), Map.entry("arguments", "payload"), Map.entry("data", "payload"),
      Map.entry("context", "payload"), Map.entry("at", "run_at"), Map.entry("delay", "run_at"), Map.entry("key", "idempotency_key"));

  private static final int MAX_PRIORITY = 100;
  private static final int MAX_TAGS = 50;
  private static final int MAX_REASON = 10_000;
  private static final Instant LATEST = Instant.parse("9999-12-31T23:59:59.999Z");

  private final Json request;
  private final Path path;
  private final int maxPayloadBytes;
  private final Violations violations = new Violations();

  private String namespace = TemplateReader.DEFAULT_NAMESPACE;
  private String taskName;
  private String version;
  private Json payload = Json.EMPTY_OBJECT;
  private int priority;
  private String idempotencyKey;
  private String correlationId;
  private Instant runAt;
  private final Set<String> tags = new LinkedHashSet<>();
  private String initiator;
  private String reason;

  private TaskRequestReader(Json request, Path path, int maxPayloadBytes) {
    this.request = request;
    this.path = path;
    this.maxPayloadBytes = maxPayloadBytes;
  }

  /**
   * Reads and checks a request.
   *
   * @param pathPrefix where the request stands among others, {@code [17]}; empty for one alone
   * @param maxPayloadBytes how large the payload may be, in bytes of its JSON
   * @throws TaskerException.Validation with everything that is wrong, each with its path
   */
  public static TaskRequest read(Json request, String pathPrefix, int maxPayloadBytes) {
    return new TaskRequestReader(request, new Path(pathPrefix), maxPayloadBytes).read();
  }

  private TaskRequest read() {
    try (JsonParser parser = JsonInput.parser(request)) {
      if (parser.nextToken() != JsonToken.START_OBJECT) {
        throw new TaskerException.Validation(path.text(), "a request must be an object, not " + skipped(parser).described());
      }
      readFields(parser);
      if (parser.nextToken() != null) {
        throw new TaskerException.Validation(path.text(), "cannot be read as JSON: more text follows the request");
      }
    } catch (JacksonException e) {
      throw JsonInput.malformed(path, e);
    }
    if (taskName == null && violations.list().stream().noneMatch(v -> v.path().equals(path.key("task_name").text()))) {
      violations.add(path.key("task_name"), "is required");
    }
    violations.throwIfAny();
    return new TaskRequest(
        namespace, taskName, version, payload, priority, idempotencyKey, correlationId, runAt, List.copyOf(tags),
        initiator, reason);
  }

  private void readFields(JsonParser parser) {
    Set<String> seen = new HashSet<>();
    for (String key = parser.nextName(); key != null; key = parser.nextName()) {
      parser.nextToken();
      if (!seen.add(key)) {
        violations.add(path.key(key), "is given twice");
      }
      readField(key, parser);
    }
  }

  private void readField(String key, JsonParser parser) {
    Path at = path.key(key);
    switch (key) {
      case "namespace" -> text(parser, at, Texts::badName, value -> namespace = value);
      case "task_name" -> text(parser, at, Texts::badName, value -> taskName = value);
      case "version" -> text(parser, at, SemanticVersion::problem, value -> version = value);
      case "payload" -> payload(parser, at);
      case "priority" -> priority(parser, at);
      case "idempotency_key" -> text(parser, at, TaskRequestReader::badLabel, value -> idempotencyKey = value);
      case "correlation_id" -> text(parser, at, TaskRequestReader::badLabel, value -> correlationId = value);
      case "run_at" -> runAt(parser, at);
      case "tags" -> tags(parser, at);
      case "initiator" -> text(parser, at, TaskRequestReader::badLabel, value -> initiator = value);
      case "reason" -> text(parser, at, TaskRequestReader::badReason, value -> reason = value);
      default -> {
        violations.add(at, () -> "is not a known key" + (CURES.containsKey(key) ? "; did you mean " + CURES.get(key) + "?" : Suggestion.forName(key, KEYS)));
        parser.skipChildren();
      }
    }
  }

  private void text(JsonParser parser, Path at, Function<String, String> problem, Consumer<String> field) {
    Node value = skipped(parser);
    if (value == Node.Null.NULL) {
      return;
    }
    Fields.asText(value, at, violations, problem).ifPresent(field);
  }

  private void payload(JsonParser parser, Path at) {
    if (parser.currentToken() != JsonToken.START_OBJECT) {
      violations.add(at, "must be an object, not " + skipped(parser).described());
      return;
    }
    int from = (int) parser.currentTokenLocation().getByteOffset();
    parser.skipChildren();
    int to = (int) parser.currentLocation().getByteOffset();
    if (to - from > maxPayloadBytes) {
      violations.add(
          at, Format.text("has %,d bytes, more than max_payload_bytes allows (%,d)", to - from, maxPayloadBytes));
      return;
    }
    payload = new Json(Arrays.copyOfRange(request.utf8(), from, to));
  }

  private void priority(JsonParser parser, Path at) {
    Node value = skipped(parser);
    if (value != Node.Null.NULL) {
      Fields.asInteger(value, at, violations, -MAX_PRIORITY, MAX_PRIORITY)
          .ifPresent(given -> priority = given.intValue());
    }
  }

  private void runAt(JsonParser parser, Path at) {
    Node value = skipped(parser);
    if (value == Node.Null.NULL) {
      return;
    }
    if (!(value instanceof Node.Text text)) {
      violations.add(at, "must be a time in ISO 8601 such as \"2030-01-31T08:00:00Z\", not " + value.described());
      return;
    }
    try {
      runAt = OffsetDateTime.parse(text.value()).toInstant();
      if (runAt.isBefore(Instant.EPOCH) || runAt.isAfter(LATEST)) {
        violations.add(at, "must be between the years 1970 and 9999");
      }
    } catch (DateTimeParseException e) {
      violations.add(
          at,
          "must be a time in ISO 8601 with its offset from UTC, such as \"2030-01-31T08:00:00Z\", not " + text.described());
    }
  }

  private void tags(JsonParser parser, Path at) {
    if (parser.currentToken() == JsonToken.VALUE_NULL) {
      return;
    }
    if (parser.currentToken() != JsonToken.START_ARRAY) {
      violations.add(at, "must be an array of strings, not " + skipped(parser).described());
      return;
    }
    int count = 0;
    while (parser.nextToken() != JsonToken.END_ARRAY) {
      Path item = at.index(count++);
      Fields.asText(skipped(parser), item, violations, TaskRequestReader::badLabel).ifPresent(tags::add);
    }
    if (count > MAX_TAGS) {
      violations.add(at, "must have at most " + MAX_TAGS + " tags, but has " + count);
    }
  }

  private static String badLabel(String text) {
    String problem = Texts.badLabel(text, Texts.MAX_LENGTH);
    return problem != null ? problem : Texts.unstorable(text);
  }

  private static String badReason(String text) {
    if (text.length() > MAX_REASON) {
      return Format.text("must be at most %,d characters long, but has %,d", MAX_REASON, text.length());
    }
    return Texts.unstorable(text);
  }

  /** The value as a node. The members of an object or array are skipped. */
  private static Node skipped(JsonParser parser) {
    JsonToken token = parser.currentToken();
    if (token == null) {
      return Node.Null.NULL;
    }
    switch (token) {
      case START_OBJECT -> {
        parser.skipChildren();
        return Node.Obj.EMPTY;
      }
      case START_ARRAY -> {
        parser.skipChildren();
        return new Node.Arr(List.of());
      }
      case VALUE_STRING -> {
        return new Node.Text(parser.getString());
      }
      case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT -> {
        return new Node.Num(parser.getString());
      }
      case VALUE_TRUE, VALUE_FALSE -> {
        return new Node.Bool(token == JsonToken.VALUE_TRUE);
      }
      default -> {
        return Node.Null.NULL;
      }
    }
  }
}
