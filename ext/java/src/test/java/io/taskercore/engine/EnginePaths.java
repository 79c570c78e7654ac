package io.taskercore.engine;

import io.taskercore.config.ConnectionMode;
import io.taskercore.engine.claim.ListedTasks;
import io.taskercore.engine.housekeeping.ProcessLease;
import io.taskercore.engine.housekeeping.Reaper;
import io.taskercore.model.ClaimedStep;
import io.taskercore.model.ClaimedStep.Claim;
import io.taskercore.model.Json;
import io.taskercore.model.StepOutcome;
import io.taskercore.model.StepState;
import io.taskercore.model.TaskerException;
import io.taskercore.model.Transition;
import io.taskercore.store.Changes;
import io.taskercore.store.Claimant;
import io.taskercore.store.Database;
import io.taskercore.store.ProcessStore;
import io.taskercore.store.ProcessStore.Abilities;
import io.taskercore.store.Sessions;
import io.taskercore.store.StepClaims;
import io.taskercore.store.StepClaims.Apart;
import io.taskercore.store.TaskList;
import io.taskercore.store.Transitions;
import io.taskercore.testing.Engine;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * The engine's own ways, in the order in which it makes their calls. The one place in the tests of transitions that knows how the
 * engine is called: {@code ResultRecorder} and {@code InFlightAttempts} need attempts that run, so what they do in their transactions
 * is done here once more.
 */
final class EnginePaths implements Paths, AutoCloseable {

  /** Nothing lapses while a test runs. */
  private static final int LEASE_MS = 3_600_000;

  private final Coordinator coordinator;
  private final CoreRuntime runtime;
  private static final Abilities ABILITIES = new Abilities(List.of(), PLACES);

  private final Connection connection;
  private final ProcessLease lease;
  private final Reaper reaper;
  private final ProcessStore processes = new ProcessStore();
  private final StepClaims claims = new StepClaims();
  private final Transitions transitions = new Transitions();

  EnginePaths(Engine engine, Connection connection) {
    this.coordinator = engine.coordinator();
    this.runtime = coordinator.runtime();
    this.connection = connection;
    this.lease = new ProcessLease(
        Connections.kept(coordinator.config(), new CurrentMode(ConnectionMode.DIRECT), Database.Watch.NOBODY, Sessions.UNWATCHED), runtime.inFlight(),
        new ListedTasks(Set::of, () -> false), () -> ABILITIES, () -> {}, LEASE_MS);
    this.reaper = runtime.reaper(lease);
    // From now on it is current, which a reaper's must be.
    lease.register();
  }

  @Override
  public long newProcess() {
    long processId = Claimant.newProcessId();
    on(connection -> processes.register(connection, processId, "test", 1, LEASE_MS, ABILITIES));
    return processId;
  }

  @Override
  public Answer claim(long processId, long stepId) {
    List<ClaimedStep> claimed = on(connection -> claims.claimStep(connection, new Claimant(processId, JUMP), stepId, new Apart(1, true))).steps();
    return new Answer(List.of(), claimed, List.of(), List.of(), false);
  }

  @Override
  public Answer record(long processId, List<StepOutcome> some, Collection<Long> wanted) {
    List<StepOutcome> sorted = some.stream().sorted(Comparator.comparingLong(StepOutcome::stepId)).toList();
    boolean plain = isPlain(sorted, wanted);
    Claimant claimant = new Claimant(processId, JUMP);
    Changes changes = alone(connection -> transitions.record(connection, claimant, sorted, wanted, plain));
    List<Long> accepted = changes.accepted().stream().map(place -> sorted.get(place).stepId()).toList();
    List<Long> enqueued = changes.transitions().stream()
        .filter(change -> change.isTo(StepState.ENQUEUED)).map(Transition::stepId).toList();
    return new Answer(accepted, changes.handedOver(), enqueued, ends(changes), false);
  }

  /** As the recorder finds out from the template. */
  private boolean isPlain(List<StepOutcome> outcomes, Collection<Long> wanted) {
    if (outcomes.size() > 1 || wanted.size() != 1 || outcomes.get(0).to() != StepState.COMPLETE) {
      return false;
    }
    String sql = """
        SELECT cardinality(s.children) = 1 AND cardinality(c.parents) = 1
        FROM tasker.workflow_steps s
        JOIN tasker.workflow_steps c ON c.task_id = s.task_id AND c.step_id = tasker.step_id(s.task_id, s.children[1])
        WHERE s.step_id = ? AND c.step_id = ?""";
    return on(connection -> {
      try (PreparedStatement statement = connection.prepareStatement(sql)) {
        statement.setLong(1, outcomes.get(0).stepId());
        statement.setLong(2, wanted.iterator().next());
        try (ResultSet row = statement.executeQuery()) {
          return row.next() && row.getBoolean(1);
        }
      }
    });
  }

  @Override
  public Answer giveBack(List<Claim> some, boolean started) {
    List<ClaimedStep> held = some.stream().map(EnginePaths::claimed).toList();
    Changes changes = on(connection -> transitions.giveBack(connection, held, started));
    List<Long> returned = changes.transitions().stream()
        .filter(change -> change.isTo(StepState.ENQUEUED)).map(Transition::stepId).toList();
    return new Answer(returned, List.of(), List.of(), ends(changes), false);
  }

  /** Of a claim that is given back only id and fence are looked at. */
  private static ClaimedStep claimed(Claim claim) {
    return new ClaimedStep(
        ClaimedStep.taskIdOf(claim.stepId()), claim.stepId(), "", "", List.of(), List.of(), 1, 1, 1, claim.fence(), false, false);
  }

  /** As when another reaper has taken the process for dead and died over that. */
  @Override
  public Answer crash(long processId) {
    on(connection -> {
      // As its renewals have: claims that were handed over stand in no other list.
      TaskList list = new TaskList(Claimant.newJump(), List.of(), tasksHeldBy(connection, processId));
      processes.renew(connection, processId, LEASE_MS, ABILITIES, list, List.of(), List.of());
      try (PreparedStatement statement = connection.prepareStatement("UPDATE tasker.processes SET dead_at = now() WHERE process_id = ?")) {
        statement.setLong(1, processId);
        return statement.executeUpdate();
      }
    });
    reaper.wantSweep();
    reaper.round();
    return Answer.NOTHING;
  }

  private static Set<Long> tasksHeldBy(Connection connection, long processId) throws SQLException {
    try (PreparedStatement statement = connection.prepareStatement("SELECT task_id FROM tasker.workflow_steps WHERE process_id = ?")) {
      statement.setLong(1, processId);
      try (ResultSet row = statement.executeQuery()) {
        Set<Long> taskIds = new HashSet<>();
        while (row.next()) {
          taskIds.add(row.getLong(1));
        }
        return taskIds;
      }
    }
  }

  @Override
  public Answer retryStep(long stepId) {
    return decided(() -> coordinator.operators().retryStep(stepId));
  }

  @Override
  public Answer resolveStep(long stepId, Json result, String reason) {
    return decided(() -> coordinator.operators().resolveStep(stepId, reason, result));
  }

  @Override
  public Answer cancelTask(long taskId, String reason) {
    return decided(() -> coordinator.operators().cancelTask(taskId, reason));
  }

  @Override
  public Answer resolveTask(long taskId, String reason) {
    return decided(() -> coordinator.operators().resolveTask(taskId, reason));
  }

  @Override
  public Answer sweep() {
    runtime.sweeper(runtime::processId, reaper::report, ours -> {}).round();
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

  private static List<Answer.End> ends(Changes changes) {
    return changes.ended().stream().map(task -> new Answer.End(task.taskId(), task.state())).toList();
  }

  /** One statement, or a second one where the first was refused. */
  private <T> T alone(Database.Work<T> work) {
    try {
      return work.on(connection);
    } catch (SQLException failure) {
      throw new IllegalStateException(failure);
    }
  }

  /** In a transaction of its own. */
  private <T> T on(Database.Work<T> work) {
    return Database.within(connection, work);
  }

  @Override
  public void close() {
    lease.end(false, true);
  }
}
