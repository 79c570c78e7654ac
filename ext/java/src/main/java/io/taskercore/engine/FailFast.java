package io.taskercore.engine;

import io.taskercore.model.Transition;
import io.taskercore.store.StepOutcomes.Ended;
import io.taskercore.store.StepStore;
import io.taskercore.store.TaskStore;
import io.taskercore.store.TaskStore.Settled;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;

/** What a failure does to the rest of a task under {@code fail_fast}: whatever has not started is cancelled at once. */
final class FailFast {

  private final StepStore steps = new StepStore();
  private final TaskStore tasks = new TaskStore();

  /**
   * What came of it.
   *
   * @param failed the tasks that fail fast and have failed, whether or not there was anything left to cancel
   * @param ended those of them that have ended by this
   */
  record Applied(List<Long> failed, List<Ended> ended, List<Transition> log) {

    static final Applied NOTHING = new Applied(List.of(), List.of(), List.of());
  }

  /** Looks at these tasks, whose locks the transaction holds; their steps' changes are in the database already. */
  Applied apply(Connection connection, Collection<Long> taskIds) throws SQLException {
    List<Transition> log = new ArrayList<>();
    List<Ended> ended = new ArrayList<>();
    List<Long> failed = steps.failFast(connection, taskIds, log);
    for (long taskId : failed) {
      Settled settled = tasks.settle(connection, tasks.lock(connection, taskId).orElseThrow(), null, "fail_fast");
      log.addAll(settled.log());
      if (settled.hasEnded()) {
        ended.add(new Ended(taskId, settled.state(), settled.afterMs()));
      }
    }
    return new Applied(failed, ended, log);
  }
}
