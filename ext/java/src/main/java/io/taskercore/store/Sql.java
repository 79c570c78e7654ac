package io.taskercore.store;

import io.taskercore.model.StepState;
import io.taskercore.model.TaskState;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Statements that name states. What a set of states means is decided by a function of the schema, such as {@code tasker.is_active}. */
final class Sql {

  private static final Pattern NAME = Pattern.compile("\\{([a-z_]+)}");

  private static final Set<String> STATES =
      Stream.concat(Stream.of(StepState.values()).map(StepState::value), Stream.of(TaskState.values()).map(TaskState::value))
          .collect(Collectors.toUnmodifiableSet());

  private Sql() {}

  /**
   * The statement with each {@code {name}} replaced by the name of that state as a literal.
   *
   * @throws IllegalArgumentException if there is no such state
   */
  static String of(String text) {
    return NAME.matcher(text).replaceAll(Sql::literal);
  }

  private static String literal(java.util.regex.MatchResult found) {
    String name = found.group(1);
    if (!STATES.contains(name)) {
      throw new IllegalArgumentException("no state of a task or a step is called " + name);
    }
    return Matcher.quoteReplacement("'" + name + "'");
  }
}
