package io.taskercore.engine.record;

import io.taskercore.engine.attempt.InFlightAttempts;
import io.taskercore.engine.notify.TaskEvents;
import io.taskercore.engine.notify.WorkNotifier;
import io.taskercore.engine.task.CachedTask;
import io.taskercore.event.Publication;
import io.taskercore.metrics.EngineMetrics;
import io.taskercore.model.ClaimedStep;
import io.taskercore.model.StepState;
import io.taskercore.store.Changes;
import io.taskercore.store.Changes.Ended;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What follows the commit of changes, no matter who made them. In this order:
 *
 * <ol>
 *   <li>Events are published.
 *   <li>Steps that the changes claimed become attempts.
 *   <li>Tasks that have ended are counted.
 *   <li>Runs of tasks that have ended are told. That comes before attempts are let go: a run with no attempt in flight asks the database
 *       for the state of its task.
 *   <li>Attempts of tasks that have failed fast are stopped.
 *   <li>Attempts whose outcomes are recorded are let go.
 *   <li>Everybody who waits for work is woken.
 * </ol>
 */
public final class AfterCommit {

  private static final Logger LOG = LoggerFactory.getLogger(AfterCommit.class);

  /** What is special about one transaction: the tasks that its caller knows, and what only the caller can do. */
  interface Aftermath {
    Map<Long, CachedTask> knownTasks();

    /** Where the end of a task is counted. */
    EngineMetrics metricsOf(long taskId);

    void handOver(List<ClaimedStep> claimed);

    void letGo();
  }

  /** Changes for which nobody here has an attempt. */
  public record Plain(EngineMetrics metrics) implements Aftermath {
    @Override
    public Map<Long, CachedTask> knownTasks() {
      return Map.of();
    }

    @Override
    public EngineMetrics metricsOf(long taskId) {
      return metrics;
    }

    @Override
    public void handOver(List<ClaimedStep> claimed) {
      if (!claimed.isEmpty()) {
        throw new IllegalArgumentException("nobody asked for steps");
      }
    }

    @Override
    public void letGo() {
      // There is no attempt to let go.
    }
  }

  /** Changes that may give somebody something to do, or end somebody's wait. */
  private static final Set<StepState> NEWS =
      Set.of(StepState.ENQUEUED, StepState.WAITING_FOR_RETRY, StepState.CANCELLED, StepState.RESOLVED_MANUALLY);

  private final TaskEvents events;
  private final InFlightAttempts inFlight;
  private final WorkNotifier notifier;

  public AfterCommit(TaskEvents events, InFlightAttempts inFlight, WorkNotifier notifier) {
    this.events = events;
    this.inFlight = inFlight;
    this.notifier = notifier;
  }

  /** @param known null where nobody here has worked on the task, as when a person has ended it */
  private static void log(Ended task, CachedTask known) {
    String name = known == null ? "" : " " + known.facts().namespace() + "/" + known.facts().name();
    LOG.info("[task {}{}] {} after {} ms", task.taskId(), name, task.state().value(), Math.round(task.afterMs()));
  }

  /** Must be called right after the commit, with the publication that was begun before the transaction. */
  public void apply(Publication publication, Changes changes, Aftermath aftermath) {
    Map<Long, CachedTask> known = aftermath.knownTasks();
    events.changed(publication, changes, known);
    aftermath.handOver(changes.handedOver());
    long now = System.nanoTime();
    changes.ended().forEach(task -> aftermath.metricsOf(task.taskId()).taskEnded(task.state(), task.afterMs(), now));
    if (LOG.isInfoEnabled()) {
      changes.ended().forEach(task -> log(task, known.get(task.taskId())));
    }
    changes.ended().forEach(notifier::ended);
    changes.tasksWithStep(Set.of(StepState.ERROR)).forEach(inFlight::stopFailedFast);
    aftermath.letGo();
    changes.tasksWithStep(NEWS).forEach(notifier::workIn);
    if (changes.hasStep(StepState.ENQUEUED)) {
      notifier.workCame();
    } else if (changes.hasStep(StepState.WAITING_FOR_RETRY)) {
      notifier.wakeWorkers();
    }
  }
}
