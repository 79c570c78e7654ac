package io.taskercore.engine;

import io.taskercore.model.ClaimedStep;
import io.taskercore.model.Json;
import io.taskercore.store.Database;
import io.taskercore.store.StepStore;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;

/** Claims steps, and makes attempts of claimed steps. */
final class StepClaimer {

  private final CoreRuntime runtime;
  private final Database database;
  private final StepStore steps = new StepStore();

  StepClaimer(CoreRuntime runtime, Database database) {
    this.runtime = runtime;
    this.database = database;
  }

  List<Attempt> claimOfTask(TaskMemory task, List<String> handlers, int limit, Claimant claimant) {
    long processId = runtime.processId();
    List<ClaimedStep> claimed = database.call(connection ->
        steps.claimOfTask(connection, processId, task.facts().taskId(), handlers, limit));
    return claimed.isEmpty() ? List.of() : attempts(claimed, task, claimant);
  }

  /** True if the attempts at these steps can be made without asking the database for results. */
  boolean allAtHand(List<ClaimedStep> claimed, TaskMemory task) {
    return claimed.stream().allMatch(step -> task.missingFor(step).isEmpty());
  }

  /** If the parents' results cannot be had, the claims are given back. */
  List<Attempt> attempts(List<ClaimedStep> claimed, TaskMemory task, Claimant claimant) {
    Map<Long, Json> loaded;
    try {
      loaded = load(claimed, task);
    } catch (RuntimeException failure) {
      runtime.giveBack(claimed);
      throw failure;
    }
    List<Attempt> attempts = new ArrayList<>(claimed.size());
    for (ClaimedStep step : claimed) {
      Attempt attempt = new Attempt(step, task, task.parentResults(step, loaded), claimant, runtime);
      runtime.remember(attempt);
      attempts.add(attempt);
    }
    return attempts;
  }

  private Map<Long, Json> load(List<ClaimedStep> claimed, TaskMemory task) {
    TreeSet<Long> missing = new TreeSet<>();
    claimed.forEach(step -> missing.addAll(task.missingFor(step)));
    if (missing.isEmpty()) {
      return Map.of();
    }
    Map<Long, Json> loaded = database.call(connection -> steps.results(connection, missing));
    loaded.forEach(task::remember);
    return loaded;
  }
}
