package io.taskercore.engine.housekeeping;

import io.taskercore.engine.attempt.Attempt;
import io.taskercore.engine.attempt.InFlightAttempts;
import io.taskercore.engine.claim.ListedTasks;
import io.taskercore.model.ClaimedStep;
import io.taskercore.model.ClaimedStep.Claim;
import io.taskercore.model.TaskerException;
import io.taskercore.store.Claimant;
import io.taskercore.store.KeptConnection;
import io.taskercore.store.ProcessStore;
import io.taskercore.store.ProcessStore.Abilities;
import io.taskercore.store.ProcessStore.Renewal;
import io.taskercore.store.TaskList;
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
 *   <li>The first claim registers the process. From then on one statement renews the lease of all its claims, three times within the
 *       length of a lease.
 *   <li>The same statement finds claims that are no longer ours, whose handlers are interrupted. It also finds whether the leases of
 *       other processes have lapsed, which a reaper then looks at.
 *   <li>A process that others took for dead finds that in its row. It has lost all claims, and starts again under a new id.
 *   <li>A process whose row is gone was not taken for dead: the database has lost something, or was emptied. The process registers again
 *       under the id that it has, and keeps the claims that the database still knows of.
 *   <li>At the end the row is removed. If claims could not be given back, the lease is made to lapse at once instead.
 * </ol>
 */
public final class ProcessLease {

  private static final Logger LOG = LoggerFactory.getLogger(ProcessLease.class);

  private final KeptConnection kept;
  private final InFlightAttempts inFlight;
  private final ListedTasks listed;
  private final Supplier<Abilities> abilities;
  private final Runnable poolerFound;
  private final ProcessStore processes = new ProcessStore();
  private final int leaseMs;
  private volatile Long processId;
  private volatile long renewedNanos;
  private volatile long troubledNanos;
  private volatile long renewals;
  private volatile String failure;
  private int sessions = 1;
  private Integer serverPid;

  /**
   * @param kept for the renewals, so that they wait neither for a connection of the pool nor behind a batch of results
   * @param listed gives the list of tasks held, which the renewals write
   * @param abilities what this process tells others about itself
   * @param poolerFound called when renewals on one connection reached different sessions of the server
   */
  public ProcessLease(
      KeptConnection kept,
      InFlightAttempts inFlight,
      ListedTasks listed,
      Supplier<Abilities> abilities,
      Runnable poolerFound,
      int leaseMs) {
    this.kept = kept;
    this.inFlight = inFlight;
    this.listed = listed;
    this.abilities = abilities;
    this.poolerFound = poolerFound;
    this.leaseMs = leaseMs;
    this.troubledNanos = System.nanoTime() - nanos(3 * leaseMs);
  }

  /** The id under which this process holds its claims; null before {@link #register}. */
  Long processId() {
    return processId;
  }

  /** Begins the lease, under a new id. */
  public void register() {
    long id = Claimant.newProcessId();
    register(id);
    processId = id;
    listed.writeAnew();
  }

  /** @return false if the process has a row already */
  private boolean register(long id) {
    long pid = ProcessHandle.current().pid();
    return timed(() ->
        kept.call(connection -> processes.register(connection, id, host(), pid, leaseMs, abilities.get())));
  }

  /** A write that took long, or failed, means that others may have had the same trouble. */
  private <T> T timed(Supplier<T> write) {
    long began = System.nanoTime();
    boolean prompt = false;
    try {
      T answer = write.get();
      prompt = System.nanoTime() - began < nanos(intervalMs());
      renewedNanos = System.nanoTime();
      failure = null;
      return answer;
    } catch (TaskerException.Database failed) {
      failure = failed.getMessage();
      throw failed;
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

  /** Whether our own lease is renewed in time. If not, we may be cut off, and not those whose lease has lapsed. */
  boolean isCurrent() {
    return System.nanoTime() - renewedNanos < nanos(lateAfterMs());
  }

  /** Whether there has been no trouble for three leases. Then a lapsed lease says something about its process. */
  boolean isCalm() {
    return System.nanoTime() - troubledNanos >= nanos(3L * leaseMs);
  }

  /** How often the lease was renewed. */
  long renewals() {
    return renewals;
  }

  public int leaseMs() {
    return leaseMs;
  }

  /** How long ago the lease was renewed, in milliseconds; null while there is none. */
  public Long renewedMsAgo() {
    return processId == null ? null : TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - renewedNanos);
  }

  /** Whether a lease was wanted, and could not be begun. */
  public boolean isMissing() {
    return processId == null && failure != null;
  }

  /** Why the last statement of the lease failed; null if it did not. */
  public String failure() {
    return failure;
  }

  /** A lease is renewed every third of its length. After two thirds, a renewal has failed or is stuck. */
  public long lateAfterMs() {
    return leaseMs * 2L / 3;
  }

  private long intervalMs() {
    return leaseMs / 3;
  }

  /** A tenth of the usual time where a renewal has just failed or came late, so that the next one may make up for it. */
  long untilNextRenewalMs() {
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

  /**
   * What a renewal has found.
   *
   * @param othersLapsed whether leases of other processes have lapsed
   * @param orphans whether claims of ours are left to a reaper, because they were made under an id that is dead
   * @param doubt whether the database may have changed since the last renewal: it may hold claims of ours that are over
   */
  record News(boolean othersLapsed, boolean orphans, boolean doubt) {}

  News renew() {
    long id = processId;
    List<Attempt> ours = inFlight.all().stream().filter(attempt -> attempt.processId() == id).toList();
    List<ClaimedStep> steps = ours.stream().map(Attempt::step).toList();
    Set<Long> mayFailFast = ours.stream().filter(Attempt::failFast).map(Attempt::taskId).collect(Collectors.toSet());
    TaskList list = listed.next();
    if (list != null) {
      listed.sent(list);
    }
    Renewal renewal = timed(() -> {
      Renewal answer = kept.call(
          connection -> processes.renew(connection, id, leaseMs, abilities.get(), list, steps, mayFailFast));
      if (answer.late() || !answer.alive()) {
        // This must come before we count as current again, and may judge others.
        troubled();
      }
      return answer;
    });
    if (list != null && renewal.alive()) {
      listed.done(list);
    }
    boolean rowLost = !renewal.alive() && register(id);
    if (rowLost) {
      LOG.warn(
          "lease: this process's row is gone, though nobody has taken it for dead: the database has lost what was written last, or was "
              + "emptied. The process has registered again, and keeps {} of its {} claims",
          steps.size() - renewal.lost().size(), steps.size());
    }
    if (renewal.alive() || rowLost) {
      renewal.lost().forEach(this::revoke);
      renewal.failing().forEach(inFlight::stopFailedFast);
    } else {
      LOG.warn(
          "lease: this process was silent for more than its lease_ms of {} and was taken for dead; its {} claims run elsewhere",
          leaseMs, ours.size());
      register();
    }
    renewals = renewals + 1;
    boolean reconnected = kept.sessionsMade() != sessions;
    sessions = kept.sessionsMade();
    lookForPooler(reconnected, renewal.serverPid());
    boolean doubt = rowLost || reconnected;
    if (doubt) {
      // Another server may answer by now, and the others have to find that out too.
      troubled();
      listed.writeAnew();
    }
    return new News(renewal.othersLapsed(), revokeOldClaims(), doubt);
  }

  /** A session that is ours always stays with its connection. */
  private void lookForPooler(boolean reconnected, Integer nowPid) {
    if (!reconnected && serverPid != null && nowPid != null && !serverPid.equals(nowPid)) {
      poolerFound.run();
    }
    serverPid = nowPid;
  }

  /**
   * Revokes claims that were made under an id that is dead, including those whose statement was under way when the id changed.
   *
   * @return whether a reaper must take some of them
   */
  private boolean revokeOldClaims() {
    long id = processId;
    return inFlight.revoke(attempt -> attempt.processId() != id) > 0;
  }

  private void revoke(Claim claim) {
    Attempt attempt = inFlight.of(claim);
    if (attempt != null) {
      attempt.revoke();
    }
  }

  /**
   * Ends the lease, if it has begun. Where PostgreSQL does not answer, the lease lapses instead: nobody is to wait for that.
   *
   * @param holdsClaims whether there are claims that could not be given back: others are to take them at once
   * @param isIdle whether no renewal is under way any more
   */
  public void end(boolean holdsClaims, boolean isIdle) {
    Long id = processId;
    if (id == null) {
      return;
    }
    if (!isIdle || failure != null) {
      LOG.warn("lease: this process's row stays until its lease lapses: {}", isIdle ? failure : "a renewal has no answer yet");
      return;
    }
    try {
      kept.call(connection -> {
        if (holdsClaims) {
          processes.leave(connection, id);
        } else {
          processes.remove(connection, id);
        }
        return null;
      });
    } catch (RuntimeException failure) {
      LOG.warn("lease: this process's row stays until its lease lapses: {}", failure.getMessage());
    } finally {
      kept.close();
    }
  }
}
