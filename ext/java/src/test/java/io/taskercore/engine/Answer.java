package io.taskercore.engine;

import io.taskercore.model.ClaimedStep;
import io.taskercore.model.TaskState;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/**
 * What a change has told its caller, in an order that says nothing.
 *
 * @param accepted ids of the steps whose outcome, or return, was accepted
 * @param handedOver steps that the caller holds from now on, whether claimed or handed over
 * @param enqueued ids of children that became ready for anybody
 * @param ended tasks that have ended by this
 * @param refused whether the change was refused as a whole, for what stands in no state for it
 */
record Answer(List<Long> accepted, List<ClaimedStep> handedOver, List<Long> enqueued, List<End> ended, boolean refused) {

  /** The end of a task. */
  record End(long taskId, TaskState state) {}

  static final Answer NOTHING = new Answer(List.of(), List.of(), List.of(), List.of(), false);
  static final Answer REFUSED = new Answer(List.of(), List.of(), List.of(), List.of(), true);

  Answer {
    accepted = accepted.stream().sorted().toList();
    handedOver = handedOver.stream().sorted(Comparator.comparingLong(ClaimedStep::stepId)).toList();
    enqueued = enqueued.stream().sorted().toList();
    ended = ended.stream().sorted(Comparator.comparingLong(End::taskId)).toList();
  }

  static Answer accepted(long stepId) {
    return new Answer(List.of(stepId), List.of(), List.of(), List.of(), false);
  }

  static Answer handedOver(ClaimedStep step) {
    return new Answer(List.of(), List.of(step), List.of(), List.of(), false);
  }

  static Answer enqueued(long stepId) {
    return new Answer(List.of(), List.of(), List.of(stepId), List.of(), false);
  }

  static Answer ended(long taskId, TaskState state) {
    return new Answer(List.of(), List.of(), List.of(), List.of(new End(taskId, state)), false);
  }

  /** Both, as if one change had told them. */
  Answer and(Answer other) {
    return new Answer(
        both(accepted, other.accepted),
        both(handedOver, other.handedOver),
        both(enqueued, other.enqueued),
        both(ended, other.ended),
        refused || other.refused);
  }

  private static <T> List<T> both(List<T> some, List<T> others) {
    return Stream.concat(some.stream(), others.stream()).toList();
  }

  /** As much of it as tells of one task. */
  Answer of(long taskId) {
    return new Answer(
        accepted.stream().filter(stepId -> ClaimedStep.taskIdOf(stepId) == taskId).toList(),
        handedOver.stream().filter(step -> step.taskId() == taskId).toList(),
        enqueued.stream().filter(stepId -> ClaimedStep.taskIdOf(stepId) == taskId).toList(),
        ended.stream().filter(end -> end.taskId() == taskId).toList(),
        refused);
  }
}
