package io.taskercore.testing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.taskercore.model.Json;
import io.taskercore.testing.Handlers.Failed;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The checks that follow every test can fail: each finds the one thing that it is there for. */
class InvariantsTest {

  /** For each rule, a change of the data that breaks it. */
  private static final Map<String, String> CORRUPTIONS = new LinkedHashMap<>();

  static {
    CORRUPTIONS.put("waiting_on equals a recount of unsatisfied parents",
        "UPDATE tasker.workflow_steps SET waiting_on = 2 WHERE name = 'blocked'");
    CORRUPTIONS.put("the task's counters equal a recount of its steps",
        "UPDATE tasker.tasks SET failed_steps = failed_steps + 1");
    CORRUPTIONS.put("the queue holds exactly what is enqueued or waits for a retry",
        "DELETE FROM tasker.step_queue");
    CORRUPTIONS.put("the queue knows which steps one more crash would end",
        "UPDATE tasker.step_queue SET last_chance = true");
    CORRUPTIONS.put("the queue knows which steps are claimed apart",
        "UPDATE tasker.step_queue SET apart = NOT apart");
    CORRUPTIONS.put("what belongs to a task goes with it", """
        INSERT INTO tasker.transitions (task_id, from_state, to_state, at)
        SELECT max(task_id) + 1, 'pending', 'in_progress', now() FROM tasker.tasks""");
    CORRUPTIONS.put("the state of a task follows from its steps",
        "UPDATE tasker.tasks SET state = 'complete', completed_at = now()");
    CORRUPTIONS.put("no step runs or has run before its parents",
        "UPDATE tasker.workflow_steps SET attempts = 1, fence = 1 WHERE name = 'blocked'");
    CORRUPTIONS.put("no step began before its parents ended, by the log", """
        UPDATE tasker.transitions l SET transition_id = DEFAULT
        FROM tasker.workflow_steps s WHERE s.step_id = l.step_id AND s.name = 'root' AND l.to_state = 'complete'""");
    CORRUPTIONS.put("the log of each step and task has no gaps and ends at its state", """
        DELETE FROM tasker.transitions l
        USING tasker.workflow_steps s WHERE s.step_id = l.step_id AND s.name = 'again' AND l.to_state = 'waiting_for_retry'""");
    CORRUPTIONS.put("a step that was never logged is as it was created", """
        DELETE FROM tasker.transitions l
        USING tasker.workflow_steps s WHERE s.step_id = l.step_id AND s.name = 'child'""");
    CORRUPTIONS.put("every change of a step is a legal one", """
        UPDATE tasker.transitions l SET to_state = 'skipped'
        FROM tasker.workflow_steps s WHERE s.step_id = l.step_id AND s.name = 'root' AND l.to_state = 'complete'""");
    CORRUPTIONS.put("every change of a task is a legal one",
        "UPDATE tasker.transitions SET to_state = 'complete' WHERE step_id IS NULL AND from_state = 'pending'");
    CORRUPTIONS.put("at most one result was accepted per attempt", """
        INSERT INTO tasker.transitions (task_id, step_id, from_state, to_state, attempt, at)
        SELECT task_id, step_id, from_state, to_state, attempt, at FROM tasker.transitions WHERE to_state = 'complete'""");
    CORRUPTIONS.put("every attempt that counts was claimed once",
        "UPDATE tasker.workflow_steps SET attempts = attempts + 1, fence = fence + 1 WHERE name = 'root'");
    CORRUPTIONS.put("attempts are numbered without gaps",
        "UPDATE tasker.transitions SET attempt = 3 WHERE attempt = 2");
    CORRUPTIONS.put("crashes are those in the log",
        "UPDATE tasker.workflow_steps SET crashes = 1 WHERE name = 'root'");
    CORRUPTIONS.put("a key leads to the task that has it",
        "UPDATE tasker.tasks SET idempotency_key = 'k'");
    CORRUPTIONS.put("only what has run to its end has a result",
        "UPDATE tasker.workflow_steps SET result = NULL WHERE name = 'root'");
  }

  private Engine engine;

  /** A task of which something is complete, in error, pending, enqueued, and was tried again. */
  @BeforeEach
  void aTaskInTheMiddleOfThings() {
    engine = Engine.start();
    engine.handlers().succeed("root", "child")
        .on("bad", attempt -> {
          throw Failed.permanently("no");
        })
        .on("again", attempt -> {
          if (attempt.attempt() == 1) {
            throw Failed.transiently("busy");
          }
          return Json.EMPTY_OBJECT;
        });
    engine.run(engine.task(Workflow.named("w")
        .step("root").step("child", "root").step("again").step("bad").step("blocked", "bad").step("nobodys")));
  }

  @AfterEach
  void close() {
    engine.close();
  }

  static Stream<String> rules() {
    return CORRUPTIONS.keySet().stream();
  }

  @Test
  void theyHoldForASoundTask() {
    assertThatCode(() -> Invariants.check(engine.database())).doesNotThrowAnyException();
  }

  @Test
  void eachHasAWayToBreakIt() {
    assertThat(CORRUPTIONS.keySet()).containsExactlyInAnyOrderElementsOf(Invariants.rules());
  }

  @ParameterizedTest
  @MethodSource("rules")
  void eachFindsWhatBreaksIt(String rule) {
    engine.database().execute(CORRUPTIONS.get(rule));

    assertThatThrownBy(() -> Invariants.check(engine.database()))
        .isInstanceOf(AssertionError.class).hasMessageContaining("\n" + rule + ": ");
  }
}
