package io.taskercore.store;

import static org.assertj.core.api.Assertions.assertThat;

import io.taskercore.model.Format;
import io.taskercore.model.StepState;
import io.taskercore.model.TaskState;
import io.taskercore.testing.TestDatabase;
import java.util.EnumSet;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The sets of states that the schema's functions know, and what becomes of a task: each rule, case by case. */
class StateRulesTest {

  private static TestDatabase database;

  @BeforeAll
  static void open() {
    database = TestDatabase.migrated();
  }

  @AfterAll
  static void close() {
    database.close();
  }

  private static Set<StepState> stepsThat(String function) {
    Set<StepState> states = EnumSet.noneOf(StepState.class);
    for (StepState state : StepState.values()) {
      if (database.value("SELECT tasker." + function + "('" + state.value() + "')").equals("t")) {
        states.add(state);
      }
    }
    return states;
  }

  @Test
  void stepsInTheQueueAreActiveAndActiveOnesKeepATaskFromEnding() {
    assertThat(stepsThat("is_queued")).containsOnly(StepState.ENQUEUED, StepState.WAITING_FOR_RETRY);
    assertThat(stepsThat("is_active")).containsOnly(StepState.ENQUEUED, StepState.IN_PROGRESS, StepState.WAITING_FOR_RETRY);
  }

  @Test
  void childrenWaitForParentsThatHaveNotEndedWell() {
    assertThat(stepsThat("is_satisfied")).containsOnly(StepState.COMPLETE, StepState.SKIPPED, StepState.RESOLVED_MANUALLY);
    assertThat(stepsThat("may_wait"))
        .containsOnly(StepState.PENDING, StepState.CANCELLED, StepState.SKIPPED, StepState.RESOLVED_MANUALLY);
  }

  @Test
  void theSchemaKnowsAsTheModelDoesWhichTasksHaveEnded() {
    for (TaskState state : TaskState.values()) {
      assertThat(database.value("SELECT tasker.has_ended('" + state.value() + "')")).isEqualTo(state.ended() ? "t" : "f");
    }
  }

  @ParameterizedTest
  @CsvSource({
    "pending, 1, 0, pending", "pending, 0, 0, complete", "pending, 0, 1, error",
    "in_progress, 2, 1, in_progress", "in_progress, 0, 0, complete", "in_progress, 0, 2, error",
    "error, 1, 1, in_progress", "error, 0, 1, error", "error, 0, 0, complete",
    "cancelled, 1, 0, cancelled", "resolved_manually, 0, 1, resolved_manually", "complete, 1, 0, complete"
  })
  void aTaskEndsWhenNothingOfItIsActive(String state, int active, int failed, String becomes) {
    assertThat(database.value(Format.text("SELECT tasker.task_state('%s', %d, %d)", state, active, failed))).isEqualTo(becomes);
  }

  @ParameterizedTest
  @CsvSource({
    "pending, 1, 1, true, in_progress, 1", "pending, 1, 1, false, enqueued, 0", "pending, 2, 1, true, pending, 0",
    "pending, 0, 1, false, enqueued, 0", "pending, 1, 2, true, in_progress, 1", "cancelled, 1, 1, true, cancelled, 0",
    "resolved_manually, 1, 1, true, resolved_manually, 0"
  })
  void aStepIsFreedByTheLastParentThatItWaitsFor(
      String state, int waitingOn, int parents, boolean wanted, String becomes, int claims) {
    String arguments = Format.text("('%s', %d::smallint, %d::smallint, %s)", state, waitingOn, parents, wanted);

    assertThat(database.value("SELECT tasker.freed_state" + arguments)).isEqualTo(becomes);
    assertThat(database.number("SELECT tasker.claims" + arguments)).isEqualTo(claims);
  }

  @ParameterizedTest
  @CsvSource({"0, 1, t, f", "0, 3, f, f", "1, 3, f, f", "2, 3, t, t", "1, 1, t, t", "3, 3, t, t"})
  void aStepIsOnItsLastChanceWhenProcessesHaveDiedUnderItAndOneMoreEndsIt(
      int crashes, int most, String ends, String lastChance) {
    String arguments = Format.text("(%d::smallint, %d::smallint)", crashes, most);

    assertThat(database.value("SELECT tasker.crash_ends" + arguments)).isEqualTo(ends);
    assertThat(database.value("SELECT tasker.last_chance" + arguments)).isEqualTo(lastChance);
    assertThat(database.value("SELECT tasker.is_apart(false, " + arguments.substring(1))).isEqualTo(ends);
    assertThat(database.value("SELECT tasker.is_apart(true, " + arguments.substring(1))).isEqualTo("t");
  }
}
