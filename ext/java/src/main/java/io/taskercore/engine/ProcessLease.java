package io.taskercore.engine;

import io.taskercore.model.ClaimedStep;
import io.taskercore.model.ClaimedStep.Claim;
import io.taskercore.store.Database;
import io.taskercore.store.KeptConnection;
import io.taskercore.store.ProcessStore;
import io.taskercore.store.ProcessStore.Renewal;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The lease under which this process holds its claims.
 *
 * <ol>
 *   <li>The first claim registers the process; from then on one statement renews the lease of all its claims, three times within
 *       its length.
 *   <li>The same statement tells which claims are no longer ours: their handlers are interrupted; and whether the leases of other
 *       processes have lapsed, which the {@link Reaper} then looks at.
 *   <li>A process that was thought dead finds its row gone. It has lost all claims, and starts anew under a new id.
 *   <li>At the end the row is removed, so that nobody waits for the lease to lapse.
 * </ol>
 */
final class ProcessLease implements AutoCloseable {

  private static final Logger LOG = LoggerFactory.getLogger(ProcessLease.class);

  private final CoreRuntime runtime;
  private final Database database;
  private final KeptConnection kept;
  private final Strays strays;
  private final ProcessStore processes = new ProcessStore();
  private final int leaseMs;
  private final int sweepIntervalMs;
  private volatile Long processId;
  private volatile long renewedNanos;
  private volatile long troubledNanos;
  private Reaper dead;
  private Loop keeper;
  private Loop reaper;
  private Loop sweeper;
  private boolean closed;

  /** @param kept for the renewals, so that they wait neither for a place in the pool nor behind a batch of results */
  ProcessLease(CoreRuntime runtime, Database database, KeptConnection kept, Strays strays, int leaseMs, int sweepIntervalMs) {
    this.runtime = runtime;
    this.database = database;
    this.kept = kept;
    this.strays = strays;
    this.leaseMs = leaseMs;
    this.sweepIntervalMs = sweepIntervalMs;
    this.troubledNanos = System.nanoTime() - nanos(leaseMs);
  }

  long processId() {
    Long id = processId;
    return id != null ? id : register();
  }

  private synchronized long register() {
    if (processId == null) {
      processId = newProcess();
      dead = new Reaper(runtime, database, this);
      reaper = new Loop("reaper", dead::untilNextRoundMs, dead::round);
      keeper = new Loop("lease", this::untilNextRenewalMs, this::renew);
      sweeper = new Loop("sweeper", () -> sweepIntervalMs, new Sweeper(runtime, database)::round);
    }
    return processId;
  }

  private long newProcess() {
    long pid = ProcessHandle.current().pid();
    return timed(() ->
        kept.call(connection -> processes.register(connection, host(), pid, leaseMs, runtime.handlersAtHand())));
  }

  /** A write that took long, or that failed, tells that others may have had the same trouble. */
  private <T> T timed(Supplier<T> write) {
    long began = System.nanoTime();
    boolean prompt = false;
    try {
      T answer = write.get();
      prompt = System.nanoTime() - began < nanos(intervalMs());
      renewedNanos = System.nanoTime();
      return answer;
    } finally {
      if (!prompt) {
        troubled();
      }
    }
  }

  /** The database does not answer as it should, or our machine stood still. */
  void troubled() {
    troubledNanos = System.nanoTime();
  }

  /** Whether our own is renewed in time; else it is us who may be cut off, and not those whose lease has lapsed. */
  boolean isCurrent() {
    return System.nanoTime() - renewedNanos < nanos(lateAfterMs());
  }

  /**
   * How long a lease must have lapsed to say something about its process. After an outage or a standstill, or while commits stall,
   * nobody is taken for dead until everybody has had time to renew; but where trouble goes on and on, the dead are dead in the end.
   */
  long patienceMs() {
    return System.nanoTime() - troubledNanos >= nanos(leaseMs) ? 0 : 3L * leaseMs;
  }

  int leaseMs() {
    return leaseMs;
  }

  /** How long ago the lease was renewed, in milliseconds; null while there is none. */
  Long renewedMsAgo() {
    return processId == null ? null : TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - renewedNanos);
  }

  /** It is renewed every third of its length: after two thirds a renewal has failed, or is stuck. */
  long lateAfterMs() {
    return leaseMs * 2L / 3;
  }

  private long intervalMs() {
    return leaseMs / 3;
  }

  /** At once where the last renewal took so long that the lease it has brought is half over, soon where it failed. */
  private long untilNextRenewalMs() {
    boolean troubled = System.nanoTime() - troubledNanos < nanos(intervalMs());
    return troubled ? intervalMs() / 10 : intervalMs();
  }

  private static long nanos(long ms) {
    return TimeUnit.MILLISECONDS.toNanos(ms);
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
    List<Attempt> held = runtime.held().all().stream().filter(attempt -> attempt.processId() == id).toList();
    List<ClaimedStep> steps = held.stream().map(Attempt::step).toList();
    Set<Long> mayFailFast = held.stream().filter(Attempt::failFast).map(Attempt::taskId).collect(Collectors.toSet());
    Renewal renewal = timed(() -> {
      Renewal answer = kept.call(
          connection -> processes.renew(connection, id, leaseMs, runtime.handlersAtHand(), steps, mayFailFast));
      if (answer.late() || !answer.alive()) {
        // Before we count as current again, and with that as somebody who may judge others.
        troubled();
      }
      return answer;
    });
    if (renewal.alive()) {
      renewal.lost().forEach(this::lose);
      renewal.failing().forEach(runtime.held()::stopFailedFast);
    } else {
      LOG.warn(
          "lease: this process was silent for more than its lease_ms of {} and was taken for dead; its {} claims run elsewhere",
          leaseMs, held.size());
      processId = newProcess();
    }
    if (dropOldClaims() || renewal.othersLapsed()) {
      reaper.soon();
    }
    strays.look(processId);
  }

  /**
   * Those made under an id that is dead; also those whose statement was under way when the id changed.
   *
   * @return whether the reaper is to see to some of them
   */
  private boolean dropOldClaims() {
    long id = processId;
    boolean running = runtime.held().lose(attempt -> attempt.processId() != id) > 0;
    if (running) {
      dead.wantSweep();
    }
    return running;
  }

  private void lose(Claim claim) {
    Attempt attempt = runtime.held().of(claim);
    if (attempt != null) {
      attempt.lose();
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
    List<Loop> loops = List.of(sweeper, reaper, keeper);
    loops.forEach(Loop::stop);
    loops.forEach(Loop::close);
    long id = processId;
    try {
      kept.call(connection -> {
        processes.remove(connection, List.of(id));
        return null;
      });
    } catch (RuntimeException failure) {
      LOG.warn("lease: this process's row stays until its lease lapses: {}", failure.getMessage());
    } finally {
      kept.close();
    }
  }
}
