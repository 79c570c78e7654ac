package io.taskercore.fault;

import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * A PostgreSQL server of the fault tests' own, durable as in production, that may be killed and started again on the same data
 * and port.
 */
final class OwnPostgres implements AutoCloseable {

  /** What the library turns off: without them a crash of the server proves nothing. */
  private static final Map<String, String> DURABLE = Map.of(
      "fsync", "on", "synchronous_commit", "on", "full_page_writes", "on", "max_connections", "100", "timezone", "UTC",
      "wal_keep_size", "512MB");

  /** A process beside ours that waits until we close the pipe or die, of whatever signal, and leaves nothing behind. */
  private static final String GUARD = """
      trap "" INT TERM HUP
      read -r _
      if [ -f "$1/postmaster.pid" ]; then kill -QUIT "$(head -n 1 "$1/postmaster.pid")"; sleep 1; fi
      rm -rf "$1" "$1.log"
      """;

  private final List<Process> guards = new ArrayList<>();
  private Path data;
  private EmbeddedPostgres server;
  private int port;

  private OwnPostgres(Path data, Process guard) {
    this.data = data;
    guards.add(guard);
  }

  static OwnPostgres create() {
    try {
      OwnPostgres postgres = guarded();
      postgres.start();
      return postgres;
    } catch (IOException failure) {
      throw new UncheckedIOException(failure);
    }
  }

  private static OwnPostgres guarded() throws IOException {
    Path data = Files.createTempDirectory("tasker-fault-postgres-");
    return new OwnPostgres(data, new ProcessBuilder("sh", "-c", GUARD, "guard", data.toString()).start());
  }

  /** A server that follows this one, asynchronously: what this one confirms may not have arrived there. */
  OwnPostgres standby() {
    try (Connection connection = server.getPostgresDatabase().getConnection(); Statement statement = connection.createStatement()) {
      OwnPostgres standby = guarded();
      boolean old = connection.getMetaData().getDatabaseMajorVersion() < 15;
      statement.execute(old ? "SELECT pg_start_backup('standby', true, false)" : "SELECT pg_backup_start('standby', true)");
      copy(data, standby.data);
      try (ResultSet row = statement.executeQuery(
          old ? "SELECT labelfile FROM pg_stop_backup(false)" : "SELECT labelfile FROM pg_backup_stop()")) {
        row.next();
        Files.writeString(standby.data.resolve("backup_label"), row.getString(1));
      }
      Files.writeString(
          standby.data.resolve("postgresql.auto.conf"),
          "primary_conninfo = 'host=127.0.0.1 port=" + port + " user=postgres'\n", StandardOpenOption.APPEND);
      Files.createFile(standby.data.resolve("standby.signal"));
      standby.start();
      return standby;
    } catch (IOException | SQLException failure) {
      throw new IllegalStateException(failure);
    }
  }

  /** As they are in the midst of changes: the label says from where on to make them good. The log comes by the wire. */
  private static void copy(Path from, Path to) throws IOException {
    try (Stream<Path> files = Files.walk(from)) {
      for (Path file : files.toList()) {
        Path relative = from.relativize(file);
        boolean log = relative.startsWith("pg_wal") && Files.isRegularFile(file);
        if (!log && !relative.toString().isEmpty() && !relative.startsWith("postmaster.pid") && !relative.startsWith("postmaster.opts")) {
          copyIfThere(file, to.resolve(relative));
        }
      }
    }
  }

  private static void copyIfThere(Path file, Path to) throws IOException {
    try {
      Files.copy(file, to, StandardCopyOption.COPY_ATTRIBUTES);
    } catch (NoSuchFileException goneMeanwhile) {
      // It was temporary, or it is made good from the log.
    }
  }

  /** What the other one does from now on does not arrive here. */
  void cutOff() {
    execute("ALTER SYSTEM SET primary_conninfo = ''");
    execute("SELECT pg_reload_conf()");
    Patience.until("nothing arrives any more", () -> value("SELECT count(*) FROM pg_stat_wal_receiver").equals("0"));
  }

  /** The standby takes the place of this server, which has died: from now on this is it, under the same address. */
  synchronized void failOverTo(OwnPostgres standby) {
    stopImmediately();
    standby.execute("SELECT pg_promote(true, 60)");
    standby.stopImmediately();
    data = standby.data;
    guards.addAll(standby.guards);
    start();
  }

  private void execute(String sql) {
    value(sql);
  }

  private String value(String sql) {
    try (Connection connection = server.getPostgresDatabase().getConnection(); Statement statement = connection.createStatement()) {
      if (!statement.execute(sql)) {
        return null;
      }
      try (ResultSet row = statement.getResultSet()) {
        return row.next() ? row.getString(1) : null;
      }
    } catch (SQLException failure) {
      throw new IllegalStateException(failure);
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
      for (Process guard : guards) {
        guard.getOutputStream().close();
        guard.waitFor();
      }
    } catch (IOException failure) {
      throw new UncheckedIOException(failure);
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
