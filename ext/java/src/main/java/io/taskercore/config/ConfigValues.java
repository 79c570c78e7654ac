package io.taskercore.config;

import io.taskercore.document.Document;
import io.taskercore.document.Fields;
import io.taskercore.document.Node;
import io.taskercore.document.Path;
import io.taskercore.document.Violations;
import io.taskercore.model.Json;
import io.taskercore.model.TaskerException;
import io.taskercore.model.Violation;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Collectors;

/** The values of one configuration document by key. A key that is not given, or is null, has its default. */
final class ConfigValues {

  private final Map<ConfigKey, Node> given = new EnumMap<>(ConfigKey.class);
  private final Violations violations = new Violations();

  private ConfigValues() {}

  static ConfigValues read(Json json) {
    ConfigValues values = new ConfigValues();
    Node document = document(json);
    new Fields(document, Path.ROOT, values.violations, ConfigKey.names());
    if (document instanceof Node.Obj object) {
      for (ConfigKey key : ConfigKey.values()) {
        Node value = object.members().get(key.value());
        if (value != null) {
          values.put(key, value);
        }
      }
    }
    return values;
  }

  static Node document(Json json) {
    try {
      return Document.read(json);
    } catch (TaskerException.Validation e) {
      throw configuration(e.violations());
    }
  }

  private void put(ConfigKey key, Node value) {
    if (value == Node.Null.NULL) {
      given.put(key, key.otherwise());
    } else {
      given.put(key, value);
      key.type().check(value, Path.ROOT.key(key.value()), violations);
    }
  }

  static TaskerException.Configuration configuration(List<Violation> violations) {
    return new TaskerException.Configuration(
        violations.stream().map(Violation::toString).collect(Collectors.joining("; ")));
  }

  void throwIfBad() {
    if (!violations.isEmpty()) {
      throw configuration(violations.list());
    }
  }

  void refuseFixed() {
    for (ConfigKey key : given.keySet()) {
      if (!key.reconfigurable()) {
        violations.add(Path.ROOT.key(key.value()), "cannot be changed at run time: it takes a new coordinator");
      }
    }
  }

  boolean has(ConfigKey key) {
    return given.containsKey(key);
  }

  Optional<DatabaseUrl> databaseUrl() {
    Path path = Path.ROOT.key(ConfigKey.DATABASE_URL.value());
    Node value = value(ConfigKey.DATABASE_URL);
    if (value == Node.Null.NULL) {
      violations.add(path, "is required: give it, or set DATABASE_URL");
    } else if (value instanceof Node.Text text) {
      try {
        return Optional.of(DatabaseUrl.parse(text.value()));
      } catch (DatabaseUrl.Unusable e) {
        violations.add(path, e.getMessage());
      }
    }
    return Optional.empty();
  }

  int integer(ConfigKey key) {
    return Math.toIntExact(number(key));
  }

  long number(ConfigKey key) {
    return number(value(key));
  }

  private static long number(Node value) {
    return Long.parseLong(((Node.Num) value).literal());
  }

  boolean bool(ConfigKey key) {
    return ((Node.Bool) value(key)).value();
  }

  String text(ConfigKey key) {
    return ((Node.Text) value(key)).value();
  }

  List<String> names(ConfigKey key) {
    return value(key) instanceof Node.Arr array
        ? array.items().stream().map(item -> ((Node.Text) item).value()).distinct().toList()
        : List.of();
  }

  Map<String, Integer> integersByName(ConfigKey key) {
    Map<String, Integer> integers = new TreeMap<>();
    ((Node.Obj) value(key)).members().forEach((name, value) -> integers.put(name, Math.toIntExact(number(value))));
    return integers;
  }

  private Node value(ConfigKey key) {
    return given.getOrDefault(key, key.otherwise());
  }
}
