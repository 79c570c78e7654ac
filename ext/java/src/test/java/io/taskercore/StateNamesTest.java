package io.taskercore;

import static org.assertj.core.api.Assertions.assertThat;

import io.taskercore.model.StepState;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** The names of states, and the rules for them, have one home: the migrations for SQL, the enums for Java. */
class StateNamesTest {

  private static final Path JAVA = Path.of("ext/java/src/main/java");
  private static final Path SQL = Path.of("ext/java/src/main/resources/db/migration");

  /** These words mean something else too: a key of an answer, a level of a log. */
  private static final Pattern SQL_ONLY = Pattern.compile("error|complete|pending");

  private static List<Path> files(Path folder) {
    try (Stream<Path> all = Files.walk(folder)) {
      return all.filter(Files::isRegularFile).sorted().toList();
    } catch (IOException failure) {
      throw new UncheckedIOException(failure);
    }
  }

  private static String text(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException failure) {
      throw new UncheckedIOException(failure);
    }
  }

  private static List<String> filesWith(Path folder, String part) {
    return files(folder).stream().filter(file -> text(file).contains(part)).map(file -> file.getFileName().toString()).toList();
  }

  @ParameterizedTest
  @EnumSource(StepState.class)
  void noStatementInJavaSpellsAStateOut(StepState state) {
    assertThat(filesWith(JAVA, "'" + state.value() + "'")).as("'" + state.value() + "'").isSubsetOf(
        // The key of an answer, in a document that PostgreSQL builds.
        state == StepState.ERROR ? List.of("TaskReader.java") : List.of());
    if (!SQL_ONLY.matcher(state.value()).matches()) {
      // "cancelled" is a word of an error message there.
      assertThat(filesWith(JAVA, '"' + state.value() + '"')).as('"' + state.value() + '"')
          .isSubsetOf(state == StepState.CANCELLED ? List.of("OperatorChanges.java") : List.of());
    }
  }

  @ParameterizedTest
  @EnumSource(StepState.class)
  void theSchemaSpellsEachStateOutInAtMostThreeFiles(StepState state) {
    assertThat(filesWith(SQL, "'" + state.value() + "'")).hasSizeLessThanOrEqualTo(3);
  }

  /** Java claims and creates, and recounts for the sweeper. */
  @Test
  void everyChangeOfAStepButItsClaimIsMadeByTheSchemasFunctions() {
    assertThat(filesWith(JAVA, "UPDATE tasker.workflow_steps")).containsExactlyInAnyOrder("Audit.java", "StepClaims.java");
    assertThat(filesWith(JAVA, "UPDATE tasker.tasks")).containsExactlyInAnyOrder("Audit.java", "StepClaims.java");
    assertThat(filesWith(JAVA, "INSERT INTO tasker.transitions")).containsExactlyInAnyOrder("TaskStore.java", "StepClaims.java");
    assertThat(filesWith(JAVA, "INSERT INTO tasker.step_queue")).containsExactly("TaskStore.java");
  }

  static Stream<Arguments> effects() {
    return Stream.of(
        Arguments.of("INSERT INTO tasker.step_queue", List.of("enqueue")),
        Arguments.of("SET active_steps =", List.of("follow")),
        Arguments.of("SET waiting_on =", List.of("follow", "record_outcome")),
        Arguments.of("INSERT INTO tasker.transitions", List.of("follow", "record_outcome")),
        Arguments.of("SET state = 'cancelled'", List.of("cancel_steps")),
        Arguments.of("result = ", List.of("record_outcome", "record_outcomes", "resolve_step")));
  }

  /** record_outcome has a branch of its own for the plain case, which needs neither the queue nor the task. */
  @ParameterizedTest
  @MethodSource("effects")
  void anEffectIsWrittenInOneFunctionOfTheSchema(String statement, List<String> functions) {
    String schema = files(SQL).stream()
        .filter(file -> !file.endsWith("0001_engine.sql")).map(StateNamesTest::text).collect(Collectors.joining());
    List<String> found = Pattern.compile("CREATE (?:OR REPLACE )?FUNCTION tasker\\.(\\w+)(?:(?!CREATE ).)*", Pattern.DOTALL)
        .matcher(schema).results()
        .filter(function -> function.group().contains(statement))
        .map(function -> function.group(1))
        .toList();

    assertThat(found).isEqualTo(functions);
  }
}
