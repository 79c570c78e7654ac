package io.taskercore.document;

import io.taskercore.model.Json;
import io.taskercore.model.TaskerException;
import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;

/** Reads a JSON document into a {@link Node}, and writes one. */
public final class Document {

  private Document() {}

  /**
   * Reads one JSON value.
   *
   * @throws TaskerException.Validation if the text is not JSON, holds a key twice in one object, is nested more than 128 deep,
   *     or has a string that PostgreSQL cannot store
   */
  public static Node read(Json json) {
    try (JsonParser parser = JsonInput.strictParser(json)) {
      parser.nextToken();
      Node root = node(parser, Path.ROOT);
      if (parser.nextToken() != null) {
        throw new TaskerException.Validation("", "cannot be read as JSON: more text follows the value");
      }
      return root;
    } catch (JacksonException e) {
      throw JsonInput.malformed(Path.ROOT, e);
    }
  }

  private static Node node(JsonParser parser, Path path) {
    JsonToken token = parser.currentToken();
    if (token == null) {
      throw new TaskerException.Validation(path.text(), "cannot be read as JSON: the text ends early");
    }
    return switch (token) {
      case START_OBJECT -> object(parser, path);
      case START_ARRAY -> array(parser, path);
      case VALUE_STRING -> new Node.Text(storable(parser.getString(), path));
      case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT -> new Node.Num(parser.getString());
      case VALUE_TRUE -> new Node.Bool(true);
      case VALUE_FALSE -> new Node.Bool(false);
      default -> Node.Null.NULL;
    };
  }

  private static Node.Obj object(JsonParser parser, Path path) {
    Map<String, Node> members = new LinkedHashMap<>();
    for (String key = parser.nextName(); key != null; key = parser.nextName()) {
      parser.nextToken();
      members.put(storable(key, path), node(parser, path.key(key)));
    }
    return new Node.Obj(members);
  }

  private static Node.Arr array(JsonParser parser, Path path) {
    List<Node> items = new ArrayList<>();
    while (parser.nextToken() != JsonToken.END_ARRAY) {
      items.add(node(parser, path.index(items.size())));
    }
    return new Node.Arr(items);
  }

  private static String storable(String text, Path path) {
    String problem = Texts.unstorable(text);
    if (problem != null) {
      throw new TaskerException.Validation(path.text(), problem);
    }
    return text;
  }

  /** Writes without spaces, members in their order, numbers as they were written. */
  public static Json write(Node node) {
    ByteArrayOutputStream out = new ByteArrayOutputStream(256);
    try (JsonGenerator generator = JsonInput.generator(out)) {
      write(node, generator);
    }
    return new Json(out.toByteArray());
  }

  private static void write(Node node, JsonGenerator to) {
    if (node instanceof Node.Obj object) {
      to.writeStartObject();
      object.members().forEach((key, value) -> {
        to.writeName(key);
        write(value, to);
      });
      to.writeEndObject();
    } else if (node instanceof Node.Arr array) {
      to.writeStartArray();
      array.items().forEach(item -> write(item, to));
      to.writeEndArray();
    } else if (node instanceof Node.Text text) {
      to.writeString(text.value());
    } else if (node instanceof Node.Num number) {
      to.writeNumber(number.literal());
    } else if (node instanceof Node.Bool bool) {
      to.writeBoolean(bool.value());
    } else {
      to.writeNull();
    }
  }

  /** The same value with the members of every object in alphabetical order, so that equal values have equal bytes. */
  public static Node sorted(Node node) {
    if (node instanceof Node.Obj object) {
      Map<String, Node> members = new TreeMap<>();
      object.members().forEach((key, value) -> members.put(key, sorted(value)));
      return new Node.Obj(members);
    }
    if (node instanceof Node.Arr array) {
      return new Node.Arr(array.items().stream().map(Document::sorted).toList());
    }
    return node;
  }
}
