package io.taskercore.jruby;

import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.json.JsonFactory;

/** What Jackson makes of a text; where it is lenient (UTF-8, surrogates, the end, infinity), the rule is added here. */
final class Oracle {

  private static final JsonFactory FACTORY =
      JsonFactory.builder()
          .streamReadConstraints(
              StreamReadConstraints.builder()
                  .maxNestingDepth(ValueReader.MAX_DEPTH)
                  .maxNumberLength(Integer.MAX_VALUE)
                  .maxStringLength(Integer.MAX_VALUE)
                  .maxNameLength(Integer.MAX_VALUE)
                  .build())
          .build();

  private final JsonParser parser;

  private Oracle(JsonParser parser) {
    this.parser = parser;
  }

  /** A value that may be null. */
  record Value(Object value) {}

  /** @return nothing when the text is to be refused */
  static Optional<Value> read(byte[] utf8) {
    try {
      String text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(utf8)).toString();
      try (JsonParser parser = FACTORY.createParser(ObjectReadContext.empty(), text)) {
        parser.nextToken();
        Object value = new Oracle(parser).value();
        return parser.nextToken() == null ? Optional.of(new Value(value)) : Optional.empty();
      }
    } catch (CharacterCodingException | JacksonException | Refused refused) {
      return Optional.empty();
    }
  }

  private static final class Refused extends RuntimeException {
    private static final long serialVersionUID = 1L;
  }

  private Object value() {
    JsonToken token = parser.currentToken();
    if (token == null) {
      throw new Refused();
    }
    return switch (token) {
      case START_OBJECT -> object();
      case START_ARRAY -> array();
      case VALUE_STRING -> text(parser.getString());
      case VALUE_NUMBER_INT -> new BigInteger(parser.getString());
      case VALUE_NUMBER_FLOAT -> finite(Double.parseDouble(parser.getString()));
      case VALUE_TRUE -> true;
      case VALUE_FALSE -> false;
      case VALUE_NULL -> null;
      default -> throw new Refused();
    };
  }

  private Map<String, Object> object() {
    Map<String, Object> map = new LinkedHashMap<>();
    while (parser.nextToken() != JsonToken.END_OBJECT) {
      String key = text(parser.currentName());
      parser.nextToken();
      map.put(key, value());
    }
    return map;
  }

  private List<Object> array() {
    List<Object> list = new ArrayList<>();
    while (parser.nextToken() != JsonToken.END_ARRAY) {
      list.add(value());
    }
    return list;
  }

  private static String text(String text) {
    if (!StandardCharsets.UTF_8.newEncoder().canEncode(text)) {
      throw new Refused();
    }
    return text;
  }

  private static Double finite(double number) {
    if (Double.isInfinite(number)) {
      throw new Refused();
    }
    return number;
  }
}
