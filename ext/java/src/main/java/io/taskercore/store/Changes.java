package io.taskercore.store;

import io.taskercore.model.ClaimedStep;
import io.taskercore.model.StepState;
import io.taskercore.model.TaskState;
import io.taskercore.model.Transition;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * What one transaction has changed. Everybody who changes tasks and steps answers with this.
 *
 * @param accepted the places, from 0, of the accepted outcomes in the list that was handed in
 * @param transitions the changes in the order of the log, without the accepted outcomes, which the caller knows
 * @param handedOver steps that the process holds from now on
 * @param ended tasks that have ended
 * @param at when all this happened; null if nothing did
 * @param newest the newest entry that was written to the log; 0 if none was
 */
public record Changes(
    List<Integer> accepted, List<Transition> transitions, List<ClaimedStep> handedOver, List<Ended> ended, Instant at, long newest) {

  public static final Changes NONE = new Changes(List.of(), List.of(), List.of(), List.of(), null, 0);

  /**
   * A task that has ended.
   *
   * @param createdAt distinguishes it from another task that had the same id
   * @param afterMs how many milliseconds after it could have begun
   */
  public record Ended(long taskId, Instant createdAt, TaskState state, double afterMs) {}

  /** The same changes, preceded by the accepted outcomes that they follow from. */
  public Changes after(List<Transition> outcomes) {
    return new Changes(accepted, joined(outcomes, transitions), handedOver, ended, at, newest);
  }

  /** The changes of two parts of one transaction, together. */
  public Changes and(Changes other) {
    return new Changes(
        joined(accepted, other.accepted),
        joined(transitions, other.transitions),
        joined(handedOver, other.handedOver),
        joined(ended, other.ended),
        other.at == null ? at : other.at,
        Math.max(newest, other.newest));
  }

  private static <T> List<T> joined(List<T> one, List<T> other) {
    List<T> both = new ArrayList<>(one);
    both.addAll(other);
    return both;
  }

  /** The tasks that have changed. */
  public Set<Long> taskIds() {
    return transitions.stream().map(Transition::taskId).collect(Collectors.toCollection(LinkedHashSet::new));
  }

  /** Whether a step has come to this state. */
  public boolean hasStep(StepState state) {
    return transitions.stream().anyMatch(change -> change.isTo(state));
  }

  /** Tasks of which a step has come to one of these states. */
  public Set<Long> tasksWithStep(Set<StepState> states) {
    return transitions.stream()
        .filter(change -> states.stream().anyMatch(change::isTo))
        .map(Transition::taskId)
        .collect(Collectors.toCollection(LinkedHashSet::new));
  }

  /** Runs a call of one of the schema's functions that return {@code tasker.change}. */
  static Changes read(PreparedStatement statement) throws SQLException {
    try (ResultSet row = statement.executeQuery()) {
      List<Integer> accepted = List.of();
      List<Transition> transitions = new ArrayList<>();
      List<ClaimedStep> handedOver = new ArrayList<>();
      List<Ended> ended = new ArrayList<>();
      Instant at = null;
      long newest = 0;
      while (row.next()) {
        Instant summary = Rows.instant(row, "at");
        if (summary != null) {
          at = summary;
          newest = row.getLong("newest");
          accepted = Rows.places(row, "accepted");
          continue;
        }
        long taskId = row.getLong("task_id");
        Long stepId = Rows.longOrNull(row, "step_id");
        String to = row.getString("to_state");
        transitions.add(new Transition(
            taskId, stepId, row.getString("from_state"), to, Rows.intOrNull(row, "attempt"), row.getString("reason"), null));
        if (stepId == null) {
          TaskState state = TaskState.of(to);
          if (state.ended()) {
            ended.add(new Ended(taskId, Rows.instant(row, "created_at"), state, row.getDouble("after_ms")));
          }
        } else if (row.getString("name") != null) {
          handedOver.add(StepStore.claimedStep(row, "attempt"));
        }
      }
      return new Changes(accepted, inOrder(transitions), handedOver, ended, at, newest);
    }
  }

  /** The same changes, with those of tasks after those of steps. */
  private static List<Transition> inOrder(List<Transition> transitions) {
    List<Transition> ordered = new ArrayList<>(transitions.size());
    transitions.stream().filter(change -> change.stepId() != null).forEach(ordered::add);
    transitions.stream().filter(change -> change.stepId() == null).forEach(ordered::add);
    return ordered;
  }
}
