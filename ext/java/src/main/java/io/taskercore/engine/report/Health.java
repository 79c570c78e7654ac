package io.taskercore.engine.report;

import com.zaxxer.hikari.HikariDataSource;
import com.zaxxer.hikari.HikariPoolMXBean;
import io.taskercore.config.ConnectionMode;
import io.taskercore.engine.housekeeping.ProcessLease;
import io.taskercore.engine.notify.WorkNotifier;
import io.taskercore.engine.report.DatabaseProbe.Found;
import io.taskercore.model.Format;
import io.taskercore.model.Json;
import io.taskercore.model.JsonWriter;
import io.taskercore.model.TaskerException;
import io.taskercore.store.Migrations;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;

/** Whether this process can do its work on its database, and if not, why. */
public final class Health {

  /** Probes give up after about this time, so a later answer would reach nobody. */
  private static final long TIMEOUT_MS = 1_000;

  private static final long SLOW_MS = 500;

  private final HikariDataSource pool;
  private final DatabaseProbe pooled;
  private final DatabaseProbe direct;
  private final ProcessLease lease;
  private final Supplier<ConnectionMode> mode;
  private final WorkNotifier notifier;
  private final Supplier<List<Complaint>> complaints;

  /**
   * @param pooled asks on a connection of the pool
   * @param direct asks on one beside it, for when the pool has none to give
   * @param complaints what else is wrong
   */
  public Health(
      HikariDataSource pool,
      DatabaseProbe pooled,
      DatabaseProbe direct,
      ProcessLease lease,
      Supplier<ConnectionMode> mode,
      WorkNotifier notifier,
      Supplier<List<Complaint>> complaints) {
    this.complaints = complaints;
    this.pool = pool;
    this.pooled = pooled;
    this.direct = direct;
    this.lease = lease;
    this.mode = mode;
    this.notifier = notifier;
  }

  /**
   * Something that is wrong.
   *
   * @param down whether it keeps anything from being claimed or recorded
   * @param reason in words
   */
  public record Complaint(boolean down, String reason) {}

  /** What one look at everything has found. */
  private static final class Look {
    private final List<String> reasons = new ArrayList<>();
    private boolean down;
    private Found found;

    private void down(String reason) {
      down = true;
      reasons.add(reason);
    }

    private String status() {
      return down ? "down" : reasons.isEmpty() ? "ok" : "degraded";
    }
  }

  /**
   * {@code status} ({@code ok}, {@code degraded}: it works, but not as it should, {@code down}: nothing can be claimed or recorded),
   * {@code reasons} in words, and what was found: {@code connection_mode, database, pool, lease, listener, workers}.
   */
  public Json report() {
    Look look = new Look();
    HikariPoolMXBean connections = pool.getHikariPoolMXBean();
    int most = pool.getMaximumPoolSize();
    boolean exhausted = isExhausted(connections, most);
    lookAtDatabase(look);
    if (exhausted || isExhausted(connections, most)) {
      look.reasons.add(Format.text("all %d connections of the pool are in use; %d calls wait for one",
          most, connections.getThreadsAwaitingConnection()));
    }
    Long renewedMs = lease.renewedMsAgo();
    lookAtLease(look, renewedMs);
    complaints.get().forEach(complaint -> {
      look.down |= complaint.down();
      look.reasons.add(complaint.reason());
    });
    Boolean listening = notifier.listenerConnected();
    if (Boolean.FALSE.equals(listening)) {
      look.reasons.add("the listener's connection is lost; other processes' work is found by polling");
    }
    return document(look, connections, most, renewedMs, listening);
  }

  private static boolean isExhausted(HikariPoolMXBean connections, int most) {
    return connections.getActiveConnections() >= most && connections.getThreadsAwaitingConnection() > 0;
  }

  /** Asks on a connection beside the pool if the pool has none to give. The last one may also be taken at this very moment. */
  private Found ask() throws InterruptedException, ExecutionException, TimeoutException {
    if (!isExhausted(pool.getHikariPoolMXBean(), pool.getMaximumPoolSize())) {
      try {
        return pooled.ask(TIMEOUT_MS);
      } catch (ExecutionException | TimeoutException noAnswer) {
        if (!isExhausted(pool.getHikariPoolMXBean(), pool.getMaximumPoolSize())) {
          throw noAnswer;
        }
      }
    }
    return direct.ask(TIMEOUT_MS);
  }

  private void lookAtLease(Look look, Long renewedMs) {
    String failure = lease.failure();
    if (lease.isMissing()) {
      look.down(Format.text(
          "nothing can be claimed: the lease of this process's claims cannot be begun (%s). It needs a session of its own beside the "
              + "pool's %d: mind the limits of the role, the database, the server and a pooler", failure, pool.getMaximumPoolSize()));
    } else if (renewedMs != null && renewedMs > lease.lateAfterMs()) {
      look.reasons.add(Format.text(
          "the lease of this process's claims was last renewed %d ms ago%s; it lasts %d ms, then others take them",
          renewedMs, failure == null ? "" : " (" + failure + ")", lease.leaseMs()));
    }
  }

  private void lookAtDatabase(Look look) {
    try {
      look.found = ask();
      if (look.found.readOnly()) {
        look.down("PostgreSQL is read-only");
      } else if (!look.found.hasSchema()) {
        look.down("the database has no schema tasker any more: " + Migrations.CURE);
      } else if (!look.found.missingGrants().isEmpty()) {
        look.down(Format.text(
            "the user that connects lacks rights; the owner of the schema can give them: %s TO that user",
            String.join("; ", look.found.missingGrants())));
      } else if (look.found.latencyMs() > SLOW_MS) {
        look.reasons.add(Format.text("PostgreSQL took %d ms to answer", Math.round(look.found.latencyMs())));
      }
    } catch (TimeoutException silence) {
      look.down(Format.text("PostgreSQL did not answer within %d ms", TIMEOUT_MS));
    } catch (ExecutionException failure) {
      String reason = failure.getCause() instanceof TaskerException known ? known.getMessage() : "PostgreSQL cannot be asked";
      look.down(reason);
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
      look.down("nobody waited for PostgreSQL's answer");
    }
  }

  private Json document(Look look, HikariPoolMXBean connections, int most, Long renewedMs, Boolean listening) {
    return JsonWriter.object(out -> out
        .put("status", look.status())
        .put("reasons", look.reasons)
        .put("connection_mode", mode.get().value())
        .put("database", database(look.found))
        .put("pool", JsonWriter.object(figures -> figures
            .put("size", connections.getTotalConnections())
            .put("max_size", most)
            .put("active", connections.getActiveConnections())
            .put("idle", connections.getIdleConnections())
            .put("waiting", connections.getThreadsAwaitingConnection())))
        .put("lease", renewedMs == null ? null : JsonWriter.object(term -> term
            .put("renewed_ms_ago", renewedMs)
            .put("lease_ms", lease.leaseMs())))
        .put("listener", listening == null ? null : listening ? "connected" : "lost")
        .put("workers", notifier.workers()));
  }

  private static Json database(Found found) {
    return JsonWriter.object(out -> {
      out.put("reachable", found != null);
      if (found != null) {
        out.put("latency_ms", found.latencyMs()).put("read_only", found.readOnly()).put("clock_ahead_ms", found.skewMs());
      }
    });
  }
}
