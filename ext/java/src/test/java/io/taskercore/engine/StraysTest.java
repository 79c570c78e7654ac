package io.taskercore.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.taskercore.store.StepClaims;
import io.taskercore.testing.Engine;
import io.taskercore.testing.Workflow;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Claims that are in the database and that nobody here holds. */
class StraysTest {

  @RegisterExtension
  final Engine engine = Engine.start();

  private final CoreRuntime runtime = engine.coordinator().runtime();
  private final Strays strays = new Strays(runtime, runtime.database());
  private final long taskId = engine.task(Workflow.named("w").step("a"));

  /** Claims the step for this process, and tells nobody. */
  private void claim() {
    long processId = runtime.processId();
    runtime.database().call(
        connection -> new StepClaims().claimOfTask(connection, processId, taskId, List.of("a"), false, 1));
  }

  private void look() {
    strays.look(runtime.processId());
  }

  @Test
  void aClaimWhoseConfirmationWasLostGoesBackWhenItIsSeenAgain() {
    claim();
    strays.suspect();

    look();
    assertThat(engine.state(taskId, "a")).isEqualTo("in_progress");
    look();

    engine.awaitState(taskId, "a", "enqueued");
    assertThat(engine.history(taskId, "a")).containsExactly("in_progress", "enqueued(given_back)");
  }

  @Test
  void whileSomebodyIsClaimingWhatIsSeenMayBeHisHoweverLongItTakes() {
    Strays.Claiming slow = strays.begin();
    claim();
    strays.suspect();

    look();
    look();
    look();
    assertThat(engine.state(taskId, "a")).isEqualTo("in_progress");
    slow.close();
    look();

    engine.awaitState(taskId, "a", "enqueued");
  }

  @Test
  void whoBeganToClaimAfterItWasSeenIsNotWaitedFor() {
    claim();
    strays.suspect();
    look();

    strays.begin();
    look();

    engine.awaitState(taskId, "a", "enqueued");
  }

  @Test
  void withoutAReasonNobodyLooks() {
    claim();

    look();
    look();

    assertThat(engine.state(taskId, "a")).isEqualTo("in_progress");
  }
}
