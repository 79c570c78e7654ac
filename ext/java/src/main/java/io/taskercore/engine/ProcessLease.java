package io.taskercore.engine;

import io.taskercore.model.ClaimedStep;
import io.taskercore.model.ClaimedStep.Claim;
import io.taskercore.store.Database;
import io.taskercore.store.ProcessStore;
import io.taskercore.store.ProcessStore.Renewal;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The lease under which this process holds its claims.
 *
 * <ol>
 *   <li>The first claim registers the process; from then on one statement renews the lease of all its claims, three times within
 *       its length.
 *   <li>The same statement tells which claims are no longer ours: their handlers are interrupted.
 *   <li>A process that was thought dead finds its row gone. It has lost all claims, and starts anew under a new id.
 *   <li>At the end the row is removed, so that nobody waits for the lease to lapse.
 * </ol>
 */
final class ProcessLease implements AutoCloseable {

  private static final Logger LOG = LoggerFactory.getLogger(ProcessLease.class);

  /** A claim whose confirmation was lost may be committed a little after the loss was noticed. */
  private static final int LOOKS = 3;

  private final CoreRuntime runtime;
  private final Database database;
  private final ProcessStore processes = new ProcessStore();
  private final long leaseMs;
  private volatile Long processId;
  private final AtomicInteger looksForStrays = new AtomicInteger();
  private volatile long renewedNanos;
  private Map<Claim, ClaimedStep> strays = Map.of();
  private Loop keeper;
  private Loop reaper;
  private boolean closed;

  ProcessLease(CoreRuntime runtime, Database database, long leaseMs) {
    this.runtime = runtime;
    this.database = database;
    this.leaseMs = leaseMs;
  }

  long processId() {
    Long id = processId;
    return id != null ? id : register();
  }

  private synchronized long register() {
    if (processId == null) {
      processId = newProcess();
      keeper = new Loop("lease", () -> leaseMs / 3, this::renew);
      Reaper lapsed = new Reaper(runtime, database, leaseMs);
      reaper = new Loop("reaper", () -> Math.max(100, leaseMs / 5), lapsed::round);
    }
    return processId;
  }

  private long newProcess() {
    long pid = ProcessHandle.current().pid();
    long id = database.call(connection -> processes.register(connection, host(), pid, leaseMs, runtime.handlersAtHand()));
    renewedNanos = System.nanoTime();
    return id;
  }

  long leaseMs() {
    return leaseMs;
  }

  /** How long ago the lease was renewed, in milliseconds; null while there is none. */
  Long renewedMsAgo() {
    return processId == null ? null : TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - renewedNanos);
  }

  /** It is renewed every third of its length: after two thirds a renewal has failed, or is stuck. */
  long lateAfterMs() {
    return leaseMs * 2 / 3;
  }

  private static String host() {
    try {
      return InetAddress.getLocalHost().getHostName();
    } catch (UnknownHostException nameless) {
      return "localhost";
    }
  }

  private void renew() {
    long id = processId;
    List<ClaimedStep> held = runtime.inFlight().stream().map(Attempt::step).toList();
    Renewal renewal =
        database.call(connection -> processes.renew(connection, id, leaseMs, runtime.handlersAtHand(), held));
    if (renewal.alive()) {
      renewedNanos = System.nanoTime();
      renewal.lost().forEach(this::lose);
    } else {
      startAnew(held);
    }
    if (looksForStrays.get() > 0) {
      giveStraysBack();
    }
  }

  private void startAnew(List<ClaimedStep> held) {
    LOG.warn(
        "lease: this process was silent for more than its lease_ms of {} and was taken for dead; its {} claims run elsewhere",
        leaseMs, held.size());
    processId = newProcess();
    held.forEach(step -> lose(step.claim()));
  }

  private void lose(Claim claim) {
    Attempt attempt = runtime.inFlight(claim);
    if (attempt != null) {
      attempt.lose();
    }
  }

  void suspectClaims() {
    looksForStrays.set(LOOKS);
  }

  /** What our row says we hold and we know nothing of, twice in a row: claims whose confirmation never reached us. */
  private void giveStraysBack() {
    long id = processId;
    looksForStrays.decrementAndGet();
    Map<Claim, ClaimedStep> unknown = new HashMap<>();
    for (ClaimedStep step : database.call(connection -> processes.heldBy(connection, id))) {
      if (runtime.inFlight(step.claim()) == null) {
        unknown.put(step.claim(), step);
      }
    }
    List<ClaimedStep> again = new ArrayList<>(unknown.values());
    again.removeIf(step -> !strays.containsKey(step.claim()));
    strays = unknown;
    if (!unknown.isEmpty()) {
      looksForStrays.set(LOOKS);
    }
    if (!again.isEmpty()) {
      LOG.warn("lease: {} claims were made but never confirmed; giving them back", again.size());
      runtime.giveBack(again);
    }
  }

  @Override
  public void close() {
    synchronized (this) {
      if (closed || processId == null) {
        closed = true;
        return;
      }
      closed = true;
    }
    reaper.close();
    keeper.close();
    long id = processId;
    try {
      database.call(connection -> {
        processes.remove(connection, List.of(id));
        return null;
      });
    } catch (RuntimeException failure) {
      LOG.warn("lease: this process's row stays until its lease lapses: {}", failure.getMessage());
    }
  }
}
