package io.taskercore.document;

import io.taskercore.model.Format;
import java.math.BigDecimal;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;

/**
 * The members of one object, taken key by key. A key with {@code null} counts as not given. A value that is not allowed is noted among
 * the violations and also counts as not given, so that reading goes on and finds further violations.
 */
public final class Fields {

  private final Node.Obj object;
  private final Path path;
  private final Violations violations;

  /** The fields of a node that should be an object, with no keys but these. */
  public Fields(Node node, Path path, Violations violations, Collection<String> keys) {
    this(node, path, violations, keys, Map.of());
  }

  /** @param cures for keys of other libraries: what to write instead, as the end of a sentence that begins with "; " */
  public Fields(Node node, Path path, Violations violations, Collection<String> keys, Map<String, String> cures) {
    this.path = path;
    this.violations = violations;
    if (node instanceof Node.Obj given) {
      this.object = given;
      refuseUnknown(keys, cures);
    } else {
      this.object = Node.Obj.EMPTY;
      violations.add(path, "must be an object, not " + node.described());
    }
  }

  private void refuseUnknown(Collection<String> keys, Map<String, String> cures) {
    for (String key : object.members().keySet()) {
      if (!keys.contains(key)) {
        violations.add(path.key(key), () -> "is not a known key" + cures.getOrDefault(key, Suggestion.forName(key, keys)));
      }
    }
  }

  public Path path() {
    return path;
  }

  public Optional<Node> node(String key) {
    Node node = object.members().get(key);
    return node == null || node == Node.Null.NULL ? Optional.empty() : Optional.of(node);
  }

  /** Notes a violation if the key is missing. */
  public Fields require(String key) {
    if (node(key).isEmpty()) {
      violations.add(path.key(key), "is required");
    }
    return this;
  }

  /**
   * A string.
   *
   * @param problem says why a string is not allowed; null if it is
   */
  public Optional<String> text(String key, Function<String, String> problem) {
    Optional<Node> node = node(key);
    if (node.isPresent() && !(node.get() instanceof Node.Text)) {
      violations.add(path.key(key), "must be a string, not " + node.get().describedAsNoText());
      return Optional.empty();
    }
    return node.flatMap(given -> asText(given, path.key(key), violations, problem));
  }

  public Optional<Boolean> bool(String key) {
    return node(key).flatMap(node -> asBool(node, path.key(key), violations));
  }

  public Optional<Long> integer(String key, long min, long max) {
    return node(key).flatMap(node -> asInteger(node, path.key(key), violations, min, max));
  }

  /** A number between the bounds, both included. */
  public Optional<Double> decimal(String key, double min, double max) {
    Optional<Node> node = node(key);
    if (node.isEmpty()) {
      return Optional.empty();
    }
    if (node.get() instanceof Node.Num number) {
      double value = Double.parseDouble(number.literal());
      if (value >= min && value <= max) {
        // Zero has two signs, but they are the same number here.
        return Optional.of(value == 0 ? 0.0 : value);
      }
    }
    violations.add(
        path.key(key),
        Format.text("must be a number from %s to %s, not %s", plain(min), plain(max), node.get().described()));
    return Optional.empty();
  }

  /** One of a closed set, by its name. */
  public <T> Optional<T> choice(String key, List<T> choices, Function<T, String> name) {
    Optional<Node> node = node(key);
    if (node.isEmpty()) {
      return Optional.empty();
    }
    List<String> names = choices.stream().map(name).toList();
    if (node.get() instanceof Node.Text text) {
      int index = names.indexOf(text.value());
      if (index >= 0) {
        return Optional.of(choices.get(index));
      }
    }
    String suggestion = node.get() instanceof Node.Text text ? Suggestion.forName(text.value(), names) : "";
    violations.add(
        path.key(key),
        Format.text(
            "must be one of %s, not %s%s", String.join(", ", names),
            node.get() instanceof Node.Bool bool ? bool.describedAsNoText() : node.get().described(), suggestion));
    return Optional.empty();
  }

  public Optional<Node.Obj> object(String key) {
    Optional<Node> node = node(key);
    if (node.isPresent() && !(node.get() instanceof Node.Obj)) {
      violations.add(path.key(key), "must be an object, not " + node.get().described());
    }
    return node.filter(Node.Obj.class::isInstance).map(Node.Obj.class::cast);
  }

  /** An array's items; none if the key is missing. */
  public List<Node> array(String key) {
    Optional<Node> node = node(key);
    if (node.isEmpty()) {
      return Collections.emptyList();
    }
    if (node.get() instanceof Node.Arr array) {
      return array.items();
    }
    violations.add(path.key(key), "must be an array, not " + node.get().described());
    return Collections.emptyList();
  }

  /** The node as a string; or empty, and a violation is noted. */
  public static Optional<String> asText(
      Node node, Path path, Violations violations, Function<String, String> problem) {
    if (!(node instanceof Node.Text text)) {
      violations.add(path, "must be a string, not " + node.described());
      return Optional.empty();
    }
    String bad = problem.apply(text.value());
    if (bad != null) {
      violations.add(path, bad);
      return Optional.empty();
    }
    return Optional.of(text.value());
  }

  /** The node as a boolean; or empty, and a violation is noted. */
  public static Optional<Boolean> asBool(Node node, Path path, Violations violations) {
    if (node instanceof Node.Bool bool) {
      return Optional.of(bool.value());
    }
    violations.add(path, "must be true or false, not " + node.described());
    return Optional.empty();
  }

  /** The node as an integer between the bounds, both included; or empty, and a violation is noted. */
  public static Optional<Long> asInteger(Node node, Path path, Violations violations, long min, long max) {
    if (node instanceof Node.Num number && number.isInteger() && number.literal().length() < 20) {
      BigDecimal value = new BigDecimal(number.literal());
      if (value.compareTo(BigDecimal.valueOf(min)) >= 0 && value.compareTo(BigDecimal.valueOf(max)) <= 0) {
        return Optional.of(value.longValueExact());
      }
    }
    violations.add(path, Format.text("must be an integer from %d to %d, not %s", min, max, node.described()));
    return Optional.empty();
  }

  private static String plain(double bound) {
    return BigDecimal.valueOf(bound).stripTrailingZeros().toPlainString();
  }
}
