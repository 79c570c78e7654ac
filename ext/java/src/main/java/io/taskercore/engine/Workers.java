package io.taskercore.engine;

import io.taskercore.engine.run.Worker;
import io.taskercore.engine.run.WorkerOptions;

/** Workers, which work through tasks by themselves. */
public final class Workers {

  private final Runnable requireOpen;
  private final CoordinatorRuns runs;

  Workers(Runnable requireOpen, CoordinatorRuns runs) {
    this.requireOpen = requireOpen;
    this.runs = runs;
  }

  /** Begins to work through all steps that may run and whose handler is at hand. */
  public Worker startWorker() {
    return startWorker(WorkerOptions.NONE);
  }

  /** The same, with options that override the configuration. It works until it is stopped or its coordinator is closed. */
  public Worker startWorker(WorkerOptions options) {
    requireOpen.run();
    return runs.startWorker(options);
  }

  /** Whether there are workers and all of them were told to take no more, or the coordinator is closed. */
  public boolean areStopping() {
    return runs.areWorkersStopping();
  }

  /** Called when the directory has handlers that it did not have before. */
  public void handlersCame() {
    runs.signal();
  }
}
