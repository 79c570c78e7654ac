package io.taskercore.template;

import io.taskercore.document.JsonInput;
import io.taskercore.document.Path;
import io.taskercore.model.Json;
import io.taskercore.model.TaskerException;
import java.math.BigDecimal;
import java.math.BigInteger;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/** Builds the trees that the validator works on, without an object mapper, which takes 0.4 s to load, and with exact numbers. */
final class SchemaTree {

  /** The cost of the arithmetic on a number grows with the square of this. */
  private static final int MAX_DIGITS = 10_000;

  private static final int LONG_DIGITS = 18;
  private static final JsonNodeFactory NODES = JsonNodeFactory.instance;

  private SchemaTree() {}

  /** @throws TaskerException.Validation if the text is not JSON, or holds a number with more than 10,000 digits */
  static JsonNode read(Json json, Path path) {
    try (JsonParser parser = JsonInput.parser(json)) {
      if (parser.nextToken() == null) {
        throw new TaskerException.Validation(path.text(), "cannot be read as JSON: there is no text");
      }
      return node(parser, path);
    } catch (JacksonException e) {
      throw JsonInput.malformed(path, e);
    }
  }

  private static JsonNode node(JsonParser parser, Path path) {
    return switch (parser.currentToken()) {
      case START_OBJECT -> object(parser, path);
      case START_ARRAY -> array(parser, path);
      case VALUE_STRING -> NODES.stringNode(parser.getString());
      case VALUE_NUMBER_INT -> integer(parser.getString(), path);
      case VALUE_NUMBER_FLOAT -> decimal(parser.getString(), path);
      case VALUE_TRUE -> NODES.booleanNode(true);
      case VALUE_FALSE -> NODES.booleanNode(false);
      default -> NODES.nullNode();
    };
  }

  private static ObjectNode object(JsonParser parser, Path path) {
    ObjectNode object = NODES.objectNode();
    for (String key = parser.nextName(); key != null; key = parser.nextName()) {
      parser.nextToken();
      object.set(key, node(parser, path));
    }
    return object;
  }

  private static ArrayNode array(JsonParser parser, Path path) {
    ArrayNode array = NODES.arrayNode();
    while (parser.nextToken() != JsonToken.END_ARRAY) {
      array.add(node(parser, path));
    }
    return array;
  }

  private static JsonNode integer(String literal, Path path) {
    if (literal.length() <= LONG_DIGITS) {
      return NODES.numberNode(Long.parseLong(literal));
    }
    if (literal.length() > MAX_DIGITS) {
      throw tooLong(path);
    }
    return NODES.numberNode(new BigInteger(literal));
  }

  private static JsonNode decimal(String literal, Path path) {
    if (literal.length() > MAX_DIGITS) {
      throw tooLong(path);
    }
    try {
      BigDecimal value = new BigDecimal(literal);
      if (Math.abs((long) value.scale()) <= MAX_DIGITS) {
        return NODES.numberNode(value);
      }
    } catch (NumberFormatException e) {
      // The exponent does not fit an int, so the number is far too long.
    }
    throw tooLong(path);
  }

  private static TaskerException.Validation tooLong(Path path) {
    return new TaskerException.Validation(
        path.text(), "cannot be checked against the input_schema: it holds a number with more than 10,000 digits");
  }
}
