package io.taskercore.fault;

import io.taskercore.fault.Journal.Run;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

/** The test's hand on a worker process, and on what may be done to one. */
final class WorkerProcess implements AutoCloseable {

  /** Small, quick to start, and heard of only in its log. */
  private static final List<String> JVM = List.of(
      "-Xmx192m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto", "-Dslf4j.provider=" + StderrLog.class.getName());

  private final Path folder;
  private final String name;
  private final Process process;
  private volatile long killedAtMs;
  private volatile boolean harmed;
  private volatile boolean ready;

  private WorkerProcess(Path folder, String name, Process process) {
    this.folder = folder;
    this.name = name;
    this.process = process;
  }

  /**
   * @param config as JSON, with the database's URL
   * @param jvm further options of its JVM
   */
  static WorkerProcess start(Path folder, String name, String config, List<String> jvm, String handlers) {
    List<String> command = new ArrayList<>(List.of(ProcessHandle.current().info().command().orElse("java")));
    command.addAll(JVM);
    command.addAll(jvm);
    command.addAll(List.of("-cp", classPath(), WorkerMain.class.getName(), config, folder.toString(), name, handlers));
    File log = folder.resolve(name + ".log").toFile();
    try {
      Process process = new ProcessBuilder(command)
          .redirectOutput(ProcessBuilder.Redirect.appendTo(log))
          .redirectError(ProcessBuilder.Redirect.appendTo(log))
          .start();
      return new WorkerProcess(folder, name, process);
    } catch (IOException failure) {
      throw new UncheckedIOException(failure);
    }
  }

  /** Ours, wherever the launcher of the tests has put it. */
  private static String classPath() {
    return WorkerProcess.class.getClassLoader() instanceof URLClassLoader loader
        ? Arrays.stream(loader.getURLs()).map(URL::getPath).collect(Collectors.joining(File.pathSeparator))
        : System.getProperty("java.class.path");
  }

  static Path journal(Path folder, String name) {
    return folder.resolve(name + ".journal");
  }

  String name() {
    return name;
  }

  boolean isAlive() {
    return process.isAlive();
  }

  boolean isReady() {
    ready = ready || Journal.isReady(journal(folder, name));
    return ready;
  }

  WorkerProcess awaitReady() {
    Patience.until(name + " works", () -> {
      if (!process.isAlive()) {
        throw new AssertionError(name + " ended with " + process.exitValue() + "; see " + folder.resolve(name + ".log"));
      }
      return isReady();
    });
    return this;
  }

  List<Run> runs() {
    return Journal.runs(journal(folder, name));
  }

  Run awaitBegun(long stepId) {
    Patience.until(name + " runs step " + stepId, () -> runs().stream().anyMatch(run -> run.stepId() == stepId));
    return runs().stream().filter(run -> run.stepId() == stepId).findFirst().orElseThrow();
  }

  void awaitEnded(long stepId) {
    Patience.until(name + " has run step " + stepId,
        () -> runs().stream().anyMatch(run -> run.stepId() == stepId && run.end() != null));
  }

  /** SIGKILL: no hook runs, nothing is given back, its sockets are closed by the system. */
  void kill() {
    harmed = true;
    killedAtMs = System.currentTimeMillis();
    process.destroyForcibly();
    Patience.until(name + " is dead", () -> !process.isAlive());
  }

  /** When it was killed; 0 if it was not. */
  long killedAtMs() {
    return killedAtMs;
  }

  /** SIGSTOP: it is there and does nothing, like one in a long pause of its garbage collector, or on a laptop that was closed. */
  void pause() {
    harmed = true;
    Signals.send("STOP", process.pid());
  }

  void resume() {
    Signals.send("CONT", process.pid());
  }

  /** It is about to do something to itself. */
  void expectHarm() {
    harmed = true;
  }

  /** Whether the test has done anything to it for which it may lose claims. */
  boolean wasHarmed() {
    return harmed;
  }

  /** SIGTERM, on which it ends in order. */
  void terminate() {
    // Not Process.destroy: it closes the input too, by which the process takes us for dead.
    Signals.send("TERM", process.pid());
    Patience.until(name + " has ended", () -> !process.isAlive());
  }

  @Override
  public void close() {
    process.destroyForcibly();
    Patience.until(name + " is gone", () -> !process.isAlive());
  }
}
