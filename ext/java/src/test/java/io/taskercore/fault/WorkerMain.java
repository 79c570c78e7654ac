package io.taskercore.fault;

import io.taskercore.config.OrchestrationConfig;
import io.taskercore.engine.Coordinator;
import io.taskercore.model.Json;
import io.taskercore.model.TaskerException;
import io.taskercore.testing.Handlers;
import io.taskercore.testing.RunningWorker;
import java.io.IOException;
import java.nio.file.Path;

/** A worker process in plain Java: a coordinator with handlers, and nothing that a test could reach into. */
final class WorkerMain {

  private static final long AGAIN_MS = 200;

  private WorkerMain() {}

  /** @param args the configuration as JSON, the test's folder, the process's name, its handlers' names with commas between */
  public static void main(String[] args) throws IOException, InterruptedException {
    endWithParent();
    Path folder = Path.of(args[1]);
    Journal journal = Journal.open(WorkerProcess.journal(folder, args[2]));
    Handlers handlers = new Handlers();
    for (String name : args[3].split(",")) {
      handlers.on(name, new PlannedHandler(journal, folder, args[2]));
    }
    Coordinator coordinator = open(OrchestrationConfig.fromJson(Json.of(args[0])), handlers);
    RunningWorker worker = RunningWorker.start(coordinator, handlers);
    Runtime.getRuntime().addShutdownHook(new Thread(coordinator::close));
    journal.ready();
    worker.worker().awaitEnd(null);
  }

  /** As whoever supervises processes does: one that is started while PostgreSQL is away is started again. */
  private static Coordinator open(OrchestrationConfig config, Handlers handlers) throws InterruptedException {
    while (true) {
      try {
        return Coordinator.open(config, handlers, handlers.queue());
      } catch (TaskerException.Database away) {
        System.err.println("not yet: " + away.getMessage());
        Thread.sleep(AGAIN_MS);
      }
    }
  }

  /** The test holds the other end of our input: when it is gone, so are we. */
  private static void endWithParent() {
    Thread thread = new Thread(() -> {
      try {
        while (System.in.read() >= 0) {
          // Nobody writes anything.
        }
      } catch (IOException gone) {
        System.err.println(gone.getMessage());
      }
      Runtime.getRuntime().halt(1);
    }, "parent");
    thread.setDaemon(true);
    thread.start();
  }
}
