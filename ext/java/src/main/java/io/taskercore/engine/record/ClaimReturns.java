package io.taskercore.engine.record;

import io.taskercore.engine.attempt.ClaimReturner;
import io.taskercore.engine.clock.Timers;
import io.taskercore.engine.notify.TaskEvents;
import io.taskercore.engine.record.AfterCommit.Plain;
import io.taskercore.event.Publication;
import io.taskercore.metrics.EngineMetrics;
import io.taskercore.model.ClaimedStep;
import io.taskercore.model.ClaimedStep.Claim;
import io.taskercore.model.TaskerException;
import io.taskercore.store.Changes;
import io.taskercore.store.Database;
import io.taskercore.store.Transitions;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;

/** The transaction that gives claims back. If PostgreSQL cannot take them now, it is tried again later. */
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

  /** Claims that are still to be given back. Asking for the same ones again changes nothing. */
  private final Set<Claim> outstanding = ConcurrentHashMap.newKeySet();

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
    List<ClaimedStep> fresh = claims.stream().filter(step -> outstanding.add(step.claim())).toList();
    if (!fresh.isEmpty()) {
      again(fresh, started);
    }
  }

  private void again(List<ClaimedStep> claims, boolean started) {
    executor.execute(() -> giveBackNow(claims, started));
  }

  /** The claims that are still to be given back. */
  public Set<Claim> outstanding() {
    return Set.copyOf(outstanding);
  }

  private void giveBackNow(List<ClaimedStep> claims, boolean started) {
    try (Publication publication = events.begin()) {
      Changes changes = database.call(connection -> transitions.giveBack(connection, claims, started));
      afterCommit.apply(publication, changes, new Plain(metrics));
      claims.forEach(step -> outstanding.remove(step.claim()));
    } catch (TaskerException.Database failure) {
      Map<Long, List<ClaimedStep>> byTask = claims.stream().collect(Collectors.groupingBy(ClaimedStep::taskId));
      if (failure.isLocked() && byTask.size() > 1) {
        // One task's lock must not keep the claims of others.
        byTask.values().forEach(ofTask -> giveBackNow(ofTask, started));
      } else {
        LOG.atLevel(failure.isOutage() ? Level.DEBUG : Level.WARN)
            .log("core: {} claims are given back in {} ms: {}", claims.size(), AGAIN_MS, failure.getMessage());
        timers.in(AGAIN_MS, () -> again(claims, started));
      }
    } catch (RuntimeException | Error failure) {
      LOG.error("core: {} claims are given back in {} ms, unless they are by now", claims.size(), AGAIN_MS, failure);
      timers.in(AGAIN_MS, () -> again(claims, started));
    }
  }
}
