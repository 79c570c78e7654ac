package io.taskercore.store;

import io.taskercore.model.ClaimedStep;
import io.taskercore.model.Json;
import io.taskercore.model.StepOutcome;
import io.taskercore.model.TaskState;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Types;
import java.util.Collection;
import java.util.List;

/**
 * Makes every change of a task or a step, except its creation, its claim, and the sweeper's recounts ({@link Audit}). Each method is one
 * call of a function of the schema, which also makes the changes that follow: see {@code 0002_transitions.sql}.
 *
 * <p>All of them lock the tasks by id first, then the steps. Only a plain outcome does not lock its task ({@link #record}).
 */
public final class Transitions {

  /** What the schema raises if an outcome was called plain and is not. */
  private static final String NOT_PLAIN = "TK001";

  /**
   * Records outcomes of attempts, whatever tasks they belong to. An outcome whose fence is old, or whose step is no longer in progress,
   * is refused without touching the others. The connection is under auto-commit.
   *
   * @param claimant who gets the wanted children that become ready
   * @param outcomes in the order of their steps' ids
   * @param wanted ids of children that this process would run itself, if they become ready now
   * @param plain whether the outcome is the only one and is complete, and its step has one child, which has no other parent, has a higher
   *     id, and is wanted. Then it is recorded without the task's lock, if nobody has changed the child meanwhile.
   */
  public Changes record(Connection connection, Claimant claimant, List<StepOutcome> outcomes, Collection<Long> wanted, boolean plain)
      throws SQLException {
    if (outcomes.stream().anyMatch(outcome -> outcome.metadata() != null)) {
      return recordMany(connection, claimant, outcomes, wanted, true);
    }
    if (outcomes.size() > 1) {
      return recordMany(connection, claimant, outcomes, wanted, false);
    }
    try {
      return recordOne(connection, claimant, outcomes.get(0), wanted, plain);
    } catch (SQLException refusal) {
      if (plain && NOT_PLAIN.equals(refusal.getSQLState())) {
        return recordOne(connection, claimant, outcomes.get(0), wanted, false);
      }
      throw refusal;
    }
  }

  private static Changes recordOne(
      Connection connection, Claimant claimant, StepOutcome outcome, Collection<Long> wanted, boolean plain) throws SQLException {
    String sql = "SELECT * FROM tasker.record_outcome(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      int p = 0;
      statement.setLong(++p, claimant.processId());
      statement.setLong(++p, claimant.jump());
      statement.setLong(++p, outcome.stepId());
      statement.setLong(++p, outcome.fence());
      statement.setString(++p, outcome.to().value());
      statement.setString(++p, Rows.text(outcome.result()));
      statement.setString(++p, Rows.text(outcome.error()));
      statement.setObject(++p, outcome.delayMs(), Types.BIGINT);
      statement.setString(++p, outcome.reason());
      statement.setArray(++p, Rows.bigints(connection, wanted));
      statement.setBoolean(++p, plain);
      return Changes.read(statement);
    }
  }

  private static Changes recordMany(
      Connection connection, Claimant claimant, List<StepOutcome> outcomes, Collection<Long> wanted, boolean withMetadata)
      throws SQLException {
    String sql = withMetadata
        ? "SELECT * FROM tasker.record_outcomes_with_metadata(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        : "SELECT * FROM tasker.record_outcomes(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      int p = 0;
      statement.setLong(++p, claimant.processId());
      statement.setLong(++p, claimant.jump());
      statement.setArray(++p, Rows.column(connection, "bigint", outcomes, StepOutcome::stepId));
      statement.setArray(++p, Rows.column(connection, "bigint", outcomes, StepOutcome::fence));
      statement.setArray(++p, Rows.column(connection, "text", outcomes, outcome -> outcome.to().value()));
      statement.setArray(++p, Rows.column(connection, "text", outcomes, outcome -> Rows.text(outcome.result())));
      statement.setArray(++p, Rows.column(connection, "text", outcomes, outcome -> Rows.text(outcome.error())));
      statement.setArray(++p, Rows.column(connection, "bigint", outcomes, StepOutcome::delayMs));
      statement.setArray(++p, Rows.column(connection, "text", outcomes, StepOutcome::reason));
      statement.setArray(++p, Rows.bigints(connection, wanted));
      if (withMetadata) {
        statement.setArray(++p, Rows.column(connection, "text", outcomes, outcome -> Rows.text(outcome.metadata())));
      }
      return Changes.read(statement);
    }
  }

  /**
   * Gives claims back, so that anybody may run the steps at once. Claims that are no longer valid stay as they are.
   *
   * @param started false: the handlers never ran, so the attempts do not count
   */
  public Changes giveBack(Connection connection, Collection<ClaimedStep> claims, boolean started) throws SQLException {
    List<ClaimedStep> list = List.copyOf(claims);
    try (PreparedStatement statement = connection.prepareStatement("SELECT * FROM tasker.give_back(?, ?, ?)")) {
      statement.setArray(1, Rows.column(connection, "bigint", list, ClaimedStep::stepId));
      statement.setArray(2, Rows.column(connection, "bigint", list, ClaimedStep::fence));
      statement.setBoolean(3, started);
      return Changes.read(statement);
    }
  }

  /**
   * A step that a dead process holds.
   *
   * @param counts whether the process had certainly begun it; otherwise neither the crash nor the attempt counts
   * @param error what ends the step; null: it may run again
   */
  public record Crash(long stepId, boolean counts, Json error) {}

  /** Takes steps of one task from processes that are gone, after {@link StepStore#held} has locked them. */
  public Changes crash(Connection connection, long taskId, List<Crash> crashes) throws SQLException {
    try (PreparedStatement statement = connection.prepareStatement("SELECT * FROM tasker.crash(?, ?, ?, ?)")) {
      statement.setLong(1, taskId);
      statement.setArray(2, Rows.column(connection, "bigint", crashes, Crash::stepId));
      statement.setArray(3, Rows.column(connection, "boolean", crashes, Crash::counts));
      statement.setArray(4, Rows.column(connection, "text", crashes, crash -> Rows.text(crash.error())));
      return Changes.read(statement);
    }
  }

  /** Lets a step run at once, and allows it one more attempt. The caller holds the step's lock and its task's. */
  public Changes retryStep(Connection connection, long stepId) throws SQLException {
    try (PreparedStatement statement = connection.prepareStatement("SELECT * FROM tasker.retry_step(?)")) {
      statement.setLong(1, stepId);
      return Changes.read(statement);
    }
  }

  /** Ends a step by a person's decision. The caller holds the step's lock and its task's. */
  public Changes resolveStep(Connection connection, long stepId, Json result, String reason) throws SQLException {
    try (PreparedStatement statement = connection.prepareStatement("SELECT * FROM tasker.resolve_step(?, ?, ?)")) {
      statement.setLong(1, stepId);
      statement.setString(2, Rows.text(result));
      statement.setString(3, reason);
      return Changes.read(statement);
    }
  }

  /** Ends a task by a person's decision, and cancels what is unfinished of it. The caller holds its lock. */
  public Changes endTask(Connection connection, long taskId, TaskState to, String reason) throws SQLException {
    try (PreparedStatement statement = connection.prepareStatement("SELECT * FROM tasker.end_task(?, ?, ?)")) {
      statement.setLong(1, taskId);
      statement.setString(2, to.value());
      statement.setString(3, reason);
      return Changes.read(statement);
    }
  }

  /** Lets a task go on after {@link Audit} has corrected its counters and its queue under its lock. */
  public Changes heal(Connection connection, long taskId) throws SQLException {
    try (PreparedStatement statement = connection.prepareStatement("SELECT * FROM tasker.heal(?)")) {
      statement.setLong(1, taskId);
      return Changes.read(statement);
    }
  }
}
