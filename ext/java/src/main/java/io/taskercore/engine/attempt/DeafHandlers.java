package io.taskercore.engine.attempt;

import io.taskercore.engine.threads.Monitor;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Handlers that run on although they were interrupted, because their time was up or their step is no longer theirs. Each keeps its slot
 * until it ends: nothing but the end of the process can take the slot away.
 *
 * @param <H> attempts at steps
 */
public final class DeafHandlers<H extends DeafHandlers.Interrupted> {

  /** What was interrupted. */
  public interface Interrupted {

    /** Since when it should end. */
    long interruptedNanos();

    /** In one line: which step it is of, for how long it has run, and where its code is now. */
    String told();
  }

  private static final Logger LOG = LoggerFactory.getLogger(DeafHandlers.class);

  /** Most handlers end as soon as they are interrupted. */
  static final long GRACE_MS = 5_000;

  private static final long GRACE_NANOS = TimeUnit.MILLISECONDS.toNanos(GRACE_MS);

  /** How long a stop waits for interrupted handlers. */
  private static final long STOP_GRACE_NANOS = TimeUnit.SECONDS.toNanos(1);

  private final Monitor monitor = new Monitor();
  private final Set<H> interrupted = new HashSet<>();

  void interrupted(H attempt) {
    monitor.change(() -> interrupted.add(attempt));
  }

  void ended(H attempt) {
    monitor.change(() -> interrupted.remove(attempt));
  }

  private List<H> those(Predicate<H> which) {
    return monitor.get(() -> interrupted.stream().filter(which).toList());
  }

  /** Logs an attempt whose grace is over, if it still runs. */
  void tell(H attempt) {
    if (!those(attempt::equals).isEmpty()) {
      LOG.warn("worker: a handler heeds no interrupt, and keeps its place until it ends: {}", attempt.told());
    }
  }

  /** Those whose grace is over, in the order in which they were interrupted. */
  public List<H> all() {
    long now = System.nanoTime();
    return those(attempt -> now - attempt.interruptedNanos() >= GRACE_NANOS).stream()
        .sorted((one, other) -> Long.signum(one.interruptedNanos() - other.interruptedNanos()))
        .toList();
  }

  /** Logs those attempts that a stop has interrupted and that do not end. */
  public void tellOfStopping(Predicate<H> which) {
    try {
      monitor.await(() -> interrupted.stream().noneMatch(which), STOP_GRACE_NANOS, () -> null);
    } catch (InterruptedException hurry) {
      Thread.currentThread().interrupt();
    }
    those(which).forEach(attempt -> LOG.warn(
        "stop: a handler heeds no interrupt; its step is given back, and it runs on until it ends or the process does: {}",
        attempt.told()));
  }
}
