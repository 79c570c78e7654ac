package io.taskercore.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.taskercore.engine.claim.UnconfirmedClaims;
import io.taskercore.store.Claimant;
import io.taskercore.store.StepClaims;
import io.taskercore.store.StepClaims.Apart;
import io.taskercore.testing.Engine;
import io.taskercore.testing.Workflow;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Claims that are in the database and that nobody here has an attempt for. */
class UnconfirmedClaimsTest {

  @RegisterExtension
  final Engine engine = Engine.start();

  private final CoreRuntime runtime = engine.coordinator().runtime();
  private final UnconfirmedClaims unconfirmed =
      new UnconfirmedClaims(runtime.database(), runtime.inFlight(), runtime::giveBack);
  private final long taskId = engine.task(Workflow.named("w").step("a"));

  /** Claims the step for this process, and tells nobody. */
  private void claim() {
    long processId = runtime.processId();
    runtime.database().call(
        connection -> new StepClaims().claimOfTask(connection, Claimant.of(processId), taskId, List.of("a"), Apart.NONE, 1));
  }

  private void look() {
    unconfirmed.look(runtime.processId());
  }

  @Test
  void aClaimWhoseConfirmationWasLostGoesBackWhenItIsSeenAgain() {
    claim();
    unconfirmed.suspect();

    look();
    assertThat(engine.state(taskId, "a")).isEqualTo("in_progress");
    look();

    engine.awaitState(taskId, "a", "enqueued");
    assertThat(engine.history(taskId, "a")).containsExactly("in_progress", "enqueued(given_back)");
  }

  @Test
  void whileSomebodyIsClaimingWhatIsSeenMayBeHisHoweverLongItTakes() {
    UnconfirmedClaims.Claiming slow = unconfirmed.begin();
    claim();
    unconfirmed.suspect();

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
    unconfirmed.suspect();
    look();

    unconfirmed.begin();
    look();

    engine.awaitState(taskId, "a", "enqueued");
  }

  /** As behind a pooler: the answer was lost, and the statement lived on for longer than anybody looked for its claims. */
  @Test
  void aClaimThatNoListTellsOfAndNobodyKnowsIsFoundByTheSweeper() {
    claim();
    engine.database().execute("DELETE FROM tasker.process_tasks");
    sweep();
    assertThat(unconfirmed.isSuspicious()).as("it may be on its way").isFalse();
    engine.database().execute("UPDATE tasker.workflow_steps SET started_at = started_at - interval '2 minutes'");

    sweep();

    assertThat(unconfirmed.isSuspicious()).isTrue();
    look();
    look();
    engine.awaitState(taskId, "a", "enqueued");
  }

  private void sweep() {
    runtime.sweeper(runtime::processId, orphaned -> {}, unconfirmed::report).round();
  }

  @Test
  void withoutAReasonNobodyLooks() {
    claim();

    look();
    look();

    assertThat(engine.state(taskId, "a")).isEqualTo("in_progress");
  }
}
