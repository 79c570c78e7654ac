package io.taskercore.fault;

import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;

/**
 * A PostgreSQL server of the fault tests' own, durable as in production, that may be killed and started again on the same data
 * and port.
 */
final class OwnPostgres implements AutoCloseable {

  /** What the library turns off: without them a crash of the server proves nothing. */
  private static final Map<String, String> DURABLE = Map.of(
      "fsync", "on", "synchronous_commit", "on", "full_page_writes", "on", "max_connections", "100", "timezone", "UTC");

  /** A process beside ours that waits until we close the pipe or die, of whatever signal, and leaves nothing behind. */
  private static final String GUARD = """
      trap "" INT TERM HUP
      read -r _
      if [ -f "$1/postmaster.pid" ]; then kill -QUIT "$(head -n 1 "$1/postmaster.pid")"; sleep 1; fi
      rm -rf "$1" "$1.log"
      """;

  private final Path data;
  private final Process guard;
  private EmbeddedPostgres server;
  private int port;

  private OwnPostgres(Path data, Process guard) {
    this.data = data;
    this.guard = guard;
  }

  static OwnPostgres create() {
    try {
      Path data = Files.createTempDirectory("tasker-fault-postgres-");
      Process guard = new ProcessBuilder("sh", "-c", GUARD, "guard", data.toString()).start();
      OwnPostgres postgres = new OwnPostgres(data, guard);
      postgres.start();
      return postgres;
    } catch (IOException failure) {
      throw new UncheckedIOException(failure);
    }
  }

  /** The one that tests share which come one after the other; it ends with this JVM. */
  static OwnPostgres shared() {
    return Shared.SERVER;
  }

  private static final class Shared {
    static final OwnPostgres SERVER = create();
  }

  /** Starts it where it is not running; returns when it takes connections, after recovery if it was killed. */
  synchronized void start() {
    if (server != null) {
      return;
    }
    ProcessBuilder.Redirect log = ProcessBuilder.Redirect.appendTo(new File(data + ".log"));
    EmbeddedPostgres.Builder builder = EmbeddedPostgres.builder()
        .setDataDirectory(data.toFile())
        .setCleanDataDirectory(false)
        .setRegisterShutdownHook(false)
        .setLocaleConfig("locale", "C")
        .setPGStartupWait(Duration.ofMinutes(2))
        .setOutputRedirector(log)
        .setErrorRedirector(log);
    DURABLE.forEach(builder::setServerConfig);
    if (port != 0) {
      builder.setPort(port);
    }
    try {
      server = builder.start();
    } catch (IOException failure) {
      throw new UncheckedIOException(failure);
    }
    port = server.getPort();
  }

  /** What {@code pg_ctl stop -m immediate} does: every session is broken off, nothing is written, the next start recovers. */
  synchronized void stopImmediately() {
    try {
      long pid = Long.parseLong(Files.readAllLines(data.resolve("postmaster.pid")).get(0).strip());
      ProcessHandle postmaster = ProcessHandle.of(pid).orElseThrow();
      Signals.send("QUIT", pid);
      Patience.until("PostgreSQL has stopped", () -> !postmaster.isAlive());
      // Forgets the server's lock on the folder; there is nothing left to stop.
      server.close();
    } catch (IOException failure) {
      throw new UncheckedIOException(failure);
    }
    server = null;
  }

  void restartImmediately() {
    stopImmediately();
    start();
  }

  URI uri() {
    return URI.create("postgres://postgres@127.0.0.1:" + port + "/postgres");
  }

  @Override
  public synchronized void close() {
    try {
      guard.getOutputStream().close();
      guard.waitFor();
    } catch (IOException failure) {
      throw new UncheckedIOException(failure);
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
