package io.taskercore.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.taskercore.engine.record.ClaimReturns;
import io.taskercore.model.ClaimedStep;
import io.taskercore.store.Claimant;
import io.taskercore.store.Database;
import io.taskercore.store.Sessions;
import io.taskercore.store.StepClaims;
import io.taskercore.store.StepClaims.Apart;
import io.taskercore.testing.Await;
import io.taskercore.testing.Engine;
import io.taskercore.testing.Workflow;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

class ClaimReturnsTest {

  @RegisterExtension
  final Engine engine = Engine.start();

  private final CoreRuntime runtime = engine.coordinator().runtime();

  @Test
  void aClaimGoesBackLaterWhateverIsInTheWayAtFirst() {
    long taskId = engine.task(Workflow.named("w").step("a"));
    List<ClaimedStep> claimed = runtime.database().call(connection -> new StepClaims()
        .claimOfTask(connection, Claimant.of(runtime.processId()), taskId, List.of("a"), Apart.NONE, 1)).steps();
    AtomicBoolean failed = new AtomicBoolean();
    Database failingOnce = new Database(
        engine.database().dataSource(),
        connection -> {
          if (failed.compareAndSet(false, true)) {
            throw new IllegalStateException("nobody has thought of it");
          }
        },
        Database.Watch.NOBODY,
        Sessions.UNWATCHED);
    ClaimReturns returns = runtime.claimReturns(failingOnce);

    returns.giveBack(claimed, false);

    engine.awaitState(taskId, "a", "enqueued");
    assertThat(failed).isTrue();
    Await.until("nothing is to be given back any more", () -> returns.outstanding().isEmpty());
  }
}
