package io.taskercore.testing;

import io.taskercore.config.OrchestrationConfig;
import io.taskercore.engine.Coordinator;
import io.taskercore.model.Json;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

/** A process of its own that runs a task until the named step, stays in that step's handler, and waits to be killed. */
public final class DoomedProcess {

  private DoomedProcess() {}

  /** Starts one, and returns it when the handler is running. */
  public static Process start(String databaseUrl, long taskId, String stayIn, List<String> handlers) throws IOException {
    Process process = new ProcessBuilder(
        ProcessHandle.current().info().command().orElse("java"),
        "-cp", classPath(),
        DoomedProcess.class.getName(), databaseUrl, String.valueOf(taskId), stayIn, String.join(",", handlers))
        .redirectError(ProcessBuilder.Redirect.DISCARD)
        .start();
    BufferedReader out = new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
    for (String line = out.readLine(); line != null; line = out.readLine()) {
      if (line.equals("in " + stayIn)) {
        return process;
      }
    }
    throw new AssertionError("the process ended by itself");
  }

  /** Ours, wherever the launcher of the tests has put it. */
  private static String classPath() {
    return DoomedProcess.class.getClassLoader() instanceof URLClassLoader loader
        ? Arrays.stream(loader.getURLs()).map(URL::getPath).collect(Collectors.joining(File.pathSeparator))
        : System.getProperty("java.class.path");
  }

  /** @param args database URL, task id, step to stay in, handlers' names with commas between */
  public static void main(String[] args) {
    Handlers handlers = new Handlers();
    for (String name : args[3].split(",")) {
      handlers.on(name, attempt -> {
        if (attempt.stepName().equals(args[2])) {
          System.out.println("in " + args[2]);
          Thread.sleep(600_000);
        }
        return Json.of("{\"by\": \"doomed\"}");
      });
    }
    Coordinator coordinator = Coordinator.open(
        OrchestrationConfig.fromJson(Json.of("{\"database_url\": \"" + args[0] + "\", \"lease_ms\": 1000}")),
        handlers, handlers.queue());
    Engine.run(coordinator, handlers, Long.parseLong(args[1]), null);
  }
}
