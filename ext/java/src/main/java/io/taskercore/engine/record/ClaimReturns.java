package io.taskercore.engine.record;

import io.taskercore.engine.attempt.ClaimReturner;
import io.taskercore.engine.clock.Timers;
import io.taskercore.engine.notify.TaskEvents;
import io.taskercore.engine.record.AfterCommit.Plain;
import io.taskercore.event.Publication;
import io.taskercore.metrics.EngineMetrics;
import io.taskercore.model.ClaimedStep;
import io.taskercore.model.TaskerException;
import io.taskercore.store.Changes;
import io.taskercore.store.Database;
import io.taskercore.store.Transitions;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;

/** The transaction that gives claims back. Where PostgreSQL does not take them now, it is tried again later. */
public final class ClaimReturns implements ClaimReturner {

  private static final Logger LOG = LoggerFactory.getLogger(ClaimReturns.class);

  private static final long AGAIN_MS = 1_000;

  private final Database database;
  private final TaskEvents events;
  private final AfterCommit afterCommit;
  private final EngineMetrics metrics;
  private final Timers timers;
  private final Executor executor;
  private final Transitions transitions = new Transitions();
  private final AtomicInteger outstanding = new AtomicInteger();

  public ClaimReturns(
      Database database, TaskEvents events, AfterCommit afterCommit, EngineMetrics metrics, Timers timers, Executor executor) {
    this.database = database;
    this.events = events;
    this.afterCommit = afterCommit;
    this.metrics = metrics;
    this.timers = timers;
    this.executor = executor;
  }

  @Override
  public void giveBack(List<ClaimedStep> claims, boolean started) {
    if (!claims.isEmpty()) {
      outstanding.addAndGet(claims.size());
      again(claims, started);
    }
  }

  private void again(List<ClaimedStep> claims, boolean started) {
    executor.execute(() -> giveBackNow(claims, started));
  }

  /** How many claims are still to be given back. */
  public int outstanding() {
    return outstanding.get();
  }

  private void giveBackNow(List<ClaimedStep> claims, boolean started) {
    try (Publication publication = events.begin()) {
      Changes changes = database.call(connection -> transitions.giveBack(connection, claims, started));
      afterCommit.apply(publication, changes, new Plain(metrics));
      outstanding.addAndGet(-claims.size());
    } catch (TaskerException.Database failure) {
      Map<Long, List<ClaimedStep>> byTask = claims.stream().collect(Collectors.groupingBy(ClaimedStep::taskId));
      if (failure.isLocked() && byTask.size() > 1) {
        // One task's lock is not to keep the others' claims.
        byTask.values().forEach(ofTask -> giveBackNow(ofTask, started));
      } else {
        LOG.atLevel(failure.isOutage() ? Level.DEBUG : Level.WARN)
            .log("core: {} claims are given back in {} ms: {}", claims.size(), AGAIN_MS, failure.getMessage());
        timers.in(AGAIN_MS, () -> again(claims, started));
      }
    }
  }
}
