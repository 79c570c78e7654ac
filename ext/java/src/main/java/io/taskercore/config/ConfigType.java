package io.taskercore.config;

import io.taskercore.document.Fields;
import io.taskercore.document.Node;
import io.taskercore.document.Path;
import io.taskercore.document.Texts;
import io.taskercore.document.Violations;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * The kind of value that a key takes: how to check it, and how to read it from the string in an environment variable.
 *
 * @param min the least integer allowed, or the least in a map
 * @param max the greatest
 * @param choices the strings allowed; empty: any
 */
record ConfigType(Kind kind, long min, long max, List<String> choices) {

  static final ConfigType TEXT = new ConfigType(Kind.STRING, 0, 0, List.of());
  static final ConfigType BOOLEAN = new ConfigType(Kind.BOOLEAN, 0, 0, List.of());
  static final ConfigType NAMES = new ConfigType(Kind.ARRAY, 0, 0, List.of());

  private static final int MAX_TEXT = 4_096;

  enum Kind {
    STRING,
    INTEGER,
    BOOLEAN,
    ARRAY,
    OBJECT
  }

  static ConfigType integer(long min, long max) {
    return new ConfigType(Kind.INTEGER, min, max, List.of());
  }

  /** One of these strings. */
  static ConfigType oneOf(List<String> choices) {
    return new ConfigType(Kind.STRING, 0, 0, List.copyOf(choices));
  }

  /** A map from names to integers. */
  static ConfigType integersByName(long min, long max) {
    return new ConfigType(Kind.OBJECT, min, max, List.of());
  }

  String value() {
    return kind.name().toLowerCase(Locale.ROOT);
  }

  /** Notes what is wrong with a value, if something is. */
  void check(Node value, Path path, Violations violations) {
    switch (kind) {
      case STRING -> Fields.asText(value, path, violations, this::badText);
      case INTEGER -> Fields.asInteger(value, path, violations, min, max);
      case BOOLEAN -> Fields.asBool(value, path, violations);
      case ARRAY -> checkNames(value, path, violations);
      case OBJECT -> checkMap(value, path, violations);
    }
  }

  private String badText(String text) {
    if (choices.isEmpty() || choices.contains(text)) {
      return Texts.badLabel(text, MAX_TEXT);
    }
    return "must be " + String.join(" or ", choices);
  }

  private static void checkNames(Node value, Path path, Violations violations) {
    if (!(value instanceof Node.Arr array)) {
      violations.add(path, "must be an array of names, not " + value.described());
      return;
    }
    if (array.items().isEmpty()) {
      violations.add(path, "must name at least one; leave it out for all");
    }
    for (int i = 0; i < array.items().size(); i++) {
      Fields.asText(array.items().get(i), path.index(i), violations, Texts::badName);
    }
  }

  private void checkMap(Node value, Path path, Violations violations) {
    if (!(value instanceof Node.Obj object)) {
      violations.add(path, "must be an object of names and integers, not " + value.described());
      return;
    }
    object.members().forEach((name, number) -> Fields.asInteger(number, path.key(name), violations, min, max));
  }

  /**
   * The value that a string from the environment stands for. A string that cannot be read stays a string, and {@link #check} refuses it.
   */
  Node fromText(String text) {
    return switch (kind) {
      case STRING -> new Node.Text(text);
      case INTEGER -> number(text);
      case BOOLEAN -> bool(text);
      case ARRAY -> names(text);
      case OBJECT -> map(text);
    };
  }

  private static Node number(String text) {
    return text.matches("-?(0|[1-9][0-9]*)") ? new Node.Num(text) : new Node.Text(text);
  }

  private static Node bool(String text) {
    return switch (text.toLowerCase(Locale.ROOT)) {
      case "true", "1", "yes", "on" -> new Node.Bool(true);
      case "false", "0", "no", "off" -> new Node.Bool(false);
      default -> new Node.Text(text);
    };
  }

  /** {@code billing,shipping} */
  private static Node names(String text) {
    List<Node> names = new ArrayList<>();
    for (String name : text.split(",")) {
      names.add(new Node.Text(name.strip()));
    }
    return new Node.Arr(names);
  }

  /** {@code payments.charge=5,ship=2} */
  private static Node map(String text) {
    Map<String, Node> members = new LinkedHashMap<>();
    for (String pair : text.split(",")) {
      int equals = pair.lastIndexOf('=');
      if (equals < 1) {
        return new Node.Text(text);
      }
      members.put(pair.substring(0, equals).strip(), number(pair.substring(equals + 1).strip()));
    }
    return new Node.Obj(members);
  }
}
