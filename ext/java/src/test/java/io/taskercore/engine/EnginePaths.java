package io.taskercore.engine;

import io.taskercore.engine.FailFast.Applied;
import io.taskercore.model.ClaimedStep;
import io.taskercore.model.ClaimedStep.Claim;
import io.taskercore.model.Json;
import io.taskercore.model.StepOutcome;
import io.taskercore.model.StepState;
import io.taskercore.model.TaskerException;
import io.taskercore.store.Database;
import io.taskercore.store.ProcessStore;
import io.taskercore.store.StepClaims;
import io.taskercore.store.StepOutcomes;
import io.taskercore.store.StepOutcomes.Ended;
import io.taskercore.store.StepOutcomes.Recorded;
import io.taskercore.store.StepStore;
import io.taskercore.testing.Engine;
import java.sql.Connection;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.LongPredicate;

/**
 * The engine's own ways, in the order in which it makes their calls. The one place in the tests of transitions that knows how the
 * engine is called: {@code ResultRecorder} and {@code HeldClaims} need attempts that run, so what they do in their transactions
 * is done here once more.
 */
final class EnginePaths implements Paths, AutoCloseable {

  /** Nothing lapses while a test runs. */
  private static final int LEASE_MS = 3_600_000;

  private final Coordinator coordinator;
  private final CoreRuntime runtime;
  private final Connection connection;
  private final LongPredicate failsFast;
  private final ProcessLease lease;
  private final Reaper reaper;
  private final ProcessStore processes = new ProcessStore();
  private final StepClaims claims = new StepClaims();
  private final StepOutcomes outcomes = new StepOutcomes();
  private final StepStore steps = new StepStore();
  private final FailFast failFast = new FailFast();

  /** @param failsFast whether the task with this id is under {@code fail_fast} */
  EnginePaths(Engine engine, Connection connection, LongPredicate failsFast) {
    this.coordinator = engine.coordinator();
    this.runtime = coordinator.runtime();
    this.connection = connection;
    this.failsFast = failsFast;
    this.lease = new ProcessLease(
        runtime, runtime.database(), Connections.kept(coordinator.config()), runtime.strays(), LEASE_MS, LEASE_MS);
    this.reaper = new Reaper(runtime, runtime.database(), lease);
    // From now on it is current, which a reaper's must be.
    lease.processId();
  }

  @Override
  public long newProcess() {
    return on(connection -> processes.register(connection, "test", 1, LEASE_MS, List.of()));
  }

  @Override
  public Answer claim(long processId, long stepId) {
    List<ClaimedStep> claimed = on(connection -> claims.claimStep(connection, processId, stepId, true)).steps();
    return new Answer(List.of(), claimed, List.of(), List.of(), false);
  }

  @Override
  public Answer record(long processId, List<StepOutcome> some, Collection<Long> wanted) {
    List<StepOutcome> sorted = some.stream().sorted(Comparator.comparingLong(StepOutcome::stepId)).toList();
    Set<Long> mayFailFast = new TreeSet<>();
    for (StepOutcome outcome : sorted) {
      long taskId = ClaimedStep.taskIdOf(outcome.stepId());
      if (outcome.to() != StepState.COMPLETE && failsFast.test(taskId)) {
        mayFailFast.add(taskId);
      }
    }
    return on(connection -> {
      Recorded recorded = outcomes.record(connection, processId, sorted, wanted);
      Applied applied = mayFailFast.isEmpty() ? Applied.NOTHING : failFast.apply(connection, mayFailFast);
      return new Answer(recorded.accepted(), recorded.handedOver(), recorded.enqueued(), ends(recorded.ended()), false)
          .and(new Answer(List.of(), List.of(), List.of(), ends(applied.ended()), false));
    });
  }

  @Override
  public Answer giveBack(List<Claim> some, boolean started) {
    List<ClaimedStep> held = some.stream().map(EnginePaths::claimed).toList();
    return on(connection -> {
      List<Long> returned = steps.giveBack(connection, held, started).stream().map(entry -> entry.stepId()).toList();
      Applied applied = failFast.apply(connection, held.stream().map(ClaimedStep::taskId).distinct().toList());
      return new Answer(returned, List.of(), List.of(), ends(applied.ended()), false);
    });
  }

  /** Of a claim that is given back only id and fence are looked at. */
  private static ClaimedStep claimed(Claim claim) {
    return new ClaimedStep(
        ClaimedStep.taskIdOf(claim.stepId()), claim.stepId(), "", "", List.of(), List.of(), 1, 1, 1, claim.fence(), false);
  }

  /** As when another reaper has removed the process's row and died over that. */
  @Override
  public Answer crash(long processId) {
    on(connection -> {
      processes.remove(connection, List.of(processId));
      return null;
    });
    reaper.wantSweep();
    reaper.round();
    return Answer.NOTHING;
  }

  @Override
  public Answer retryStep(long stepId) {
    return decided(() -> coordinator.retryStep(stepId));
  }

  @Override
  public Answer resolveStep(long stepId, Json result, String reason) {
    return decided(() -> coordinator.resolveStep(stepId, reason, result));
  }

  @Override
  public Answer cancelTask(long taskId, String reason) {
    return decided(() -> coordinator.cancelTask(taskId, reason));
  }

  @Override
  public Answer resolveTask(long taskId, String reason) {
    return decided(() -> coordinator.resolveTask(taskId, reason));
  }

  @Override
  public Answer sweep() {
    new Sweeper(runtime, runtime.database()).round();
    return Answer.NOTHING;
  }

  private static Answer decided(Runnable decision) {
    try {
      decision.run();
      return Answer.NOTHING;
    } catch (TaskerException.State refused) {
      return Answer.REFUSED;
    }
  }

  private static List<Answer.End> ends(List<Ended> ended) {
    return ended.stream().map(task -> new Answer.End(task.taskId(), task.state())).toList();
  }

  /** In a transaction of its own. */
  private <T> T on(Database.Work<T> work) {
    return Database.within(connection, work);
  }

  @Override
  public void close() {
    lease.close();
  }
}
