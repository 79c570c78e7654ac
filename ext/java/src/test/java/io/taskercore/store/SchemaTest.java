package io.taskercore.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.taskercore.testing.Engine;
import io.taskercore.testing.Workflow;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Rules of the schema that hold whoever writes to it. */
class SchemaTest {

  @RegisterExtension
  final Engine engine = Engine.start();

  @Test
  void whatBelongsToATaskGoesWithIt() {
    engine.handlers().succeed("a");
    Workflow workflow = Workflow.named("w").step("a").step("unknown", "a");
    long gone = engine.task(workflow);
    engine.run(gone);
    long kept = engine.task(workflow);
    engine.run(kept);

    engine.database().execute("DELETE FROM tasker.tasks WHERE task_id = " + gone);

    for (String table : new String[] {"workflow_steps", "transitions", "step_queue"}) {
      assertThat(engine.database().column("SELECT DISTINCT task_id FROM tasker." + table)).as(table)
          .containsExactly(String.valueOf(kept));
    }
  }

  @Test
  void aStepHasATask() {
    engine.handlers().succeed("a");
    long taskId = engine.task(Workflow.named("w").step("a"));

    String copied = """
        INSERT INTO tasker.workflow_steps (task_id, step_id, name, handler, parents, children, max_crashes, max_attempts, state, waiting_on)
        SELECT %1$d, %1$d << 16 | ordinal, name, handler, parents, children, max_crashes, max_attempts, 'pending', 0
        FROM tasker.workflow_steps, generate_series(5, 7) AS ordinal WHERE task_id = %2$d""";

    assertThatThrownBy(() -> engine.database().execute(copied.formatted(taskId + 1, taskId)))
        .rootCause().hasMessageContaining("violates the rule that each step has a task");
  }
}
