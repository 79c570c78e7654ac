package io.taskercore.config;

import io.taskercore.document.Document;
import io.taskercore.document.Node;
import io.taskercore.document.Path;
import io.taskercore.document.Violations;
import io.taskercore.model.Json;
import io.taskercore.model.TaskerException;
import java.util.LinkedHashMap;
import java.util.Map;

/** Turns the strings of environment variables into the values of the keys that they set. */
final class EnvironmentReader {

  private EnvironmentReader() {}

  static Json read(Json strings) {
    if (!(ConfigValues.document(strings) instanceof Node.Obj variables)) {
      throw new TaskerException.Configuration("environment variables must be an object of names and strings");
    }
    Violations violations = new Violations();
    Map<String, Node> keys = new LinkedHashMap<>();
    for (ConfigKey key : ConfigKey.values()) {
      for (String variable : key.variables()) {
        Node node = variables.members().get(variable);
        if (!keys.containsKey(key.value()) && node instanceof Node.Text text && !text.value().isBlank()) {
          keys.put(key.value(), value(key, text.value().strip(), new Path(variable), violations));
        }
      }
    }
    if (!violations.isEmpty()) {
      throw ConfigValues.configuration(violations.list());
    }
    return Document.write(new Node.Obj(keys));
  }

  private static Node value(ConfigKey key, String text, Path variable, Violations violations) {
    Node value = key.type().fromText(text);
    key.type().check(value, variable, violations);
    if (key == ConfigKey.DATABASE_URL) {
      try {
        DatabaseUrl.parse(text);
      } catch (DatabaseUrl.Unusable e) {
        violations.add(variable, e.getMessage());
      }
    }
    return value;
  }
}
