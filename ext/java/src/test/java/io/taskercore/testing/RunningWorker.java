package io.taskercore.testing;

import io.taskercore.engine.Coordinator;
import io.taskercore.engine.run.Worker;

/** A worker with the thread that waits for it: what the Ruby side's supervisor is in earnest. */
public final class RunningWorker implements AutoCloseable {

  private final Worker worker;
  private final Handlers handlers;

  private RunningWorker(Worker worker, Handlers handlers) {
    this.worker = worker;
    this.handlers = handlers;
  }

  public static RunningWorker start(Coordinator coordinator, Handlers handlers) {
    RunningWorker running = new RunningWorker(coordinator.workers().startWorker(), handlers);
    Thread supervisor = new Thread(running::follow, "supervisor");
    supervisor.setDaemon(true);
    supervisor.start();
    return running;
  }

  private void follow() {
    try {
      for (Worker.Request request = worker.await(); request != Worker.Request.END; request = worker.await()) {
        switch (request) {
          case START_THREADS -> handlers.startThreads();
          case RESOLVE_HANDLERS -> worker.handlersResolved();
          default -> throw new IllegalStateException("unexpected " + request);
        }
      }
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  public Worker worker() {
    return worker;
  }

  /** @return false if handlers had to be interrupted */
  public boolean stop(long timeoutMs) {
    return worker.stop(timeoutMs);
  }

  @Override
  public void close() {
    worker.close();
  }
}
