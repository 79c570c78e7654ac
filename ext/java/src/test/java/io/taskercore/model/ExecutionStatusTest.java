package io.taskercore.model;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The first that applies, whatever else is true of the task. */
class ExecutionStatusTest {

  @ParameterizedTest
  @CsvSource({
    // task, pending, enqueued, in progress, waiting, completed, failed, cancelled
    "complete,          0, 0, 0, 0, 9, 0, 0, all_complete,             none",
    "resolved_manually, 0, 0, 0, 0, 2, 0, 7, all_complete,             none",
    "cancelled,         0, 0, 0, 0, 2, 0, 7, cancelled,                none",
    "error,             3, 0, 0, 0, 2, 4, 0, blocked_by_failures,      handle_failures",
    "in_progress,       3, 0, 0, 0, 2, 4, 0, blocked_by_failures,      handle_failures",
    "in_progress,       1, 1, 1, 1, 1, 1, 1, processing,               wait_for_completion",
    "in_progress,       0, 0, 1, 0, 0, 1, 0, processing,               wait_for_completion",
    "in_progress,       1, 1, 0, 1, 1, 1, 0, has_ready_steps,          execute_ready_steps",
    "pending,           1, 1, 0, 0, 0, 0, 0, has_ready_steps,          execute_ready_steps",
    "in_progress,       1, 0, 0, 1, 1, 1, 0, waiting_for_retry,        wait_for_retry",
    "in_progress,       1, 0, 0, 0, 1, 0, 0, waiting_for_dependencies, wait_for_dependencies",
  })
  void aTaskHasTheFirstStatusThatApplies(
      String task, int pending, int enqueued, int inProgress, int waiting, int completed, int failed, int cancelled,
      String status, String action) {
    int total = pending + enqueued + inProgress + waiting + completed + failed + cancelled;

    ExecutionStatus found = ExecutionStatus.of(
        TaskState.of(task), new StepCounts(total, pending, enqueued, inProgress, waiting, completed, failed, cancelled));

    assertThat(found.value()).isEqualTo(status);
    assertThat(found.recommendedAction()).isEqualTo(action);
  }
}
