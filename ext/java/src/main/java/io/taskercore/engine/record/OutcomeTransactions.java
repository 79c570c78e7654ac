package io.taskercore.engine.record;

import io.taskercore.engine.attempt.Attempt;
import io.taskercore.engine.attempt.ClaimOwner;
import io.taskercore.engine.attempt.InFlightAttempts;
import io.taskercore.engine.attempt.SlotPool;
import io.taskercore.engine.claim.StepClaimer;
import io.taskercore.engine.claim.UnconfirmedClaims;
import io.taskercore.engine.notify.TaskEvents;
import io.taskercore.engine.record.AfterCommit.Aftermath;
import io.taskercore.engine.task.CachedTask;
import io.taskercore.event.Publication;
import io.taskercore.metrics.EngineMetrics;
import io.taskercore.model.ClaimedStep;
import io.taskercore.model.StepOutcome;
import io.taskercore.model.StepState;
import io.taskercore.model.Transition;
import io.taskercore.store.Changes;
import io.taskercore.store.Claimant;
import io.taskercore.store.Database;
import io.taskercore.store.Transitions;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The transaction that records outcomes, and hands over the children that become ready by them. */
public final class OutcomeTransactions {

  private static final Logger LOG = LoggerFactory.getLogger(OutcomeTransactions.class);

  private final Database database;
  private final TaskEvents events;
  private final StepClaimer claimer;
  private final InFlightAttempts inFlight;
  private final UnconfirmedClaims unconfirmed;
  private final AfterCommit afterCommit;
  private final LongSupplier processId;
  private final EngineMetrics metrics;
  private final Transitions transitions = new Transitions();

  /**
   * @param processId the id under which this process claims
   * @param metrics counts what belongs to no coordinator
   */
  public OutcomeTransactions(
      Database database,
      TaskEvents events,
      StepClaimer claimer,
      InFlightAttempts inFlight,
      UnconfirmedClaims unconfirmed,
      AfterCommit afterCommit,
      LongSupplier processId,
      EngineMetrics metrics) {
    this.database = database;
    this.events = events;
    this.claimer = claimer;
    this.inFlight = inFlight;
    this.unconfirmed = unconfirmed;
    this.afterCommit = afterCommit;
    this.processId = processId;
    this.metrics = metrics;
  }

  /** Records outcomes of any tasks, together. */
  void record(List<Completion> batch) {
    new Batch(batch, false).run();
  }

  /**
   * Records the outcome of an attempt on the thread that ran it.
   *
   * @return a child that the thread goes on with, in the slot of the attempt; null if there is none
   */
  Attempt recordAndGoOn(Completion completion) {
    Batch batch = new Batch(List.of(completion), true);
    batch.run();
    return batch.next;
  }

  /** Where claimed children of one task run. */
  private record Destination(ClaimOwner owner, long taskId) {}

  private final class Batch implements Aftermath {

    /** In the order of their steps' ids, which is the order of the locks. */
    private final List<Completion> batch;

    /** Whether the calling thread goes on with a child. */
    private final boolean goesOn;

    /** Where each child that may become ready would run, by its id. Only recording the outcomes tells whether it does become ready. */
    private final Map<Long, ClaimOwner> wanted = new HashMap<>();

    private final Map<ClaimOwner, SlotPool.Reservation> room = new HashMap<>();
    private final Claimant claimant = Claimant.of(processId.getAsLong());
    private List<Completion> accepted = List.of();

    /** For each task, one of the attempts that were accepted. */
    private final Map<Long, Attempt> acceptedByTask = new HashMap<>();
    private Attempt next;

    Batch(List<Completion> batch, boolean goesOn) {
      this.batch = batch.stream().sorted(Comparator.comparingLong(completion -> completion.attempt().stepId())).toList();
      this.goesOn = goesOn;
    }

    void run() {
      unconfirmed.claiming(() -> {
        reserveRoomForChildren();
        try (Publication publication = events.begin()) {
          List<StepOutcome> outcomes = batch.stream().map(Completion::outcome).toList();
          boolean plain = isPlain();
          Changes changes =
              database.call(connection -> transitions.record(connection, claimant, outcomes, wanted.keySet(), plain));
          accepted = changes.accepted().stream().map(batch::get).toList();
          accepted.forEach(completion -> acceptedByTask.put(completion.attempt().taskId(), completion.attempt()));
          afterCommit.apply(publication, changes.after(transitions(changes.at())), this);
        } finally {
          room.values().forEach(SlotPool.Reservation::close);
        }
        return null;
      });
    }

    /** See {@link Transitions#record}. Ordinals are in the order of the DAG, so a child always has the higher id. */
    private boolean isPlain() {
      if (batch.size() > 1 || wanted.size() != 1) {
        return false;
      }
      ClaimedStep step = batch.get(0).attempt().step();
      CachedTask task = batch.get(0).attempt().task();
      return step.children().size() == 1 && task.parentsOf(step.children().get(0)).size() == 1;
    }

    /**
     * Children are claimed with their parents' results if somebody here can run them. One child runs in its parent's slot, so that tasks
     * that have begun go on before those that wait in the queue. Further children are claimed as far as there is room.
     */
    private void reserveRoomForChildren() {
      for (Completion completion : batch) {
        ClaimOwner owner = completion.attempt().owner();
        if (completion.outcome().to() != StepState.COMPLETE || !owner.acceptsChildren()) {
          continue;
        }
        boolean succeeded = false;
        ClaimedStep step = completion.attempt().step();
        for (int child : step.children()) {
          long childId = ClaimedStep.stepId(step.taskId(), child);
          if (wanted.containsKey(childId) || isApart(completion, child)
              || !owner.directory().has(completion.attempt().task().handlerOf(child))) {
            continue;
          }
          SlotPool.Reservation places = room.computeIfAbsent(owner, c -> c.slots().reserve(0));
          if (!succeeded) {
            places.extendAnyway();
            succeeded = true;
          } else if (!places.extend()) {
            break;
          }
          wanted.put(childId, owner);
        }
      }
    }

    /** PostgreSQL does not hand over a step that a single crash would end. */
    private static boolean isApart(Completion completion, int child) {
      Integer own = completion.attempt().task().maxCrashesOf(child);
      return (own == null ? completion.attempt().owner().maxCrashes() : own) == 1;
    }

    /** The accepted outcomes as entries of the log. */
    private List<Transition> transitions(Instant at) {
      return accepted.stream().map(completion -> {
        StepOutcome outcome = completion.outcome();
        Instant nextRunAt = outcome.delayMs() == null ? null : at.plusMillis(outcome.delayMs());
        return new Transition(
            completion.attempt().taskId(), outcome.stepId(), StepState.IN_PROGRESS.value(), outcome.to().value(),
            completion.attempt().attempt(), outcome.reason(), nextRunAt);
      }).toList();
    }

    @Override
    public Map<Long, CachedTask> knownTasks() {
      Map<Long, CachedTask> tasks = new HashMap<>();
      acceptedByTask.forEach((taskId, attempt) -> tasks.put(taskId, attempt.task()));
      return tasks;
    }

    /** A task is counted for one of the owners whose outcomes brought it to its end. */
    @Override
    public EngineMetrics metricsOf(long taskId) {
      Attempt attempt = acceptedByTask.get(taskId);
      return attempt == null ? metrics : attempt.owner().metrics();
    }

    @Override
    public void handOver(List<ClaimedStep> claimed) {
      long now = System.nanoTime();
      for (Completion completion : accepted) {
        completion.attempt().owner().metrics()
            .recorded(completion.outcome().to(), now - completion.attempt().endedNanos(), now);
        remember(completion);
      }
      Map<Destination, List<ClaimedStep>> destinations = new LinkedHashMap<>();
      for (ClaimedStep step : claimed) {
        Destination destination = new Destination(wanted.get(step.stepId()), step.taskId());
        destinations.computeIfAbsent(destination, d -> new ArrayList<>()).add(step);
      }
      destinations.forEach((destination, steps) -> {
        SlotPool.Reservation places = room.get(destination.owner()).split(steps.size());
        CachedTask task = acceptedByTask.get(destination.taskId()).task();
        next = claimer.handOver(steps, claimant.processId(), task, destination.owner(), places, goesOn);
      });
    }

    /** Children read accepted results only. If two processes have run a step, their results may differ. */
    private static void remember(Completion completion) {
      if (completion.outcome().to() == StepState.COMPLETE) {
        completion.attempt().task().remember(completion.attempt().stepId(), completion.outcome().result());
      }
    }

    @Override
    public void letGo() {
      batch.forEach(completion -> inFlight.giveBackPreempted(completion.preempted()));
      batch.forEach(completion -> inFlight.remove(completion.attempt()));
      if (accepted.size() < batch.size()) {
        logRefused();
      }
    }

    private void logRefused() {
      Set<Completion> kept = Collections.newSetFromMap(new IdentityHashMap<>());
      kept.addAll(accepted);
      for (Completion completion : batch) {
        if (kept.contains(completion)) {
          continue;
        }
        LOG.info(
            "recorder: the outcome of step {}, attempt {}, correlation {}, was refused: the step was cancelled or taken over meanwhile",
            completion.attempt().stepId(), completion.attempt().attempt(), completion.attempt().correlationId());
      }
    }
  }
}
