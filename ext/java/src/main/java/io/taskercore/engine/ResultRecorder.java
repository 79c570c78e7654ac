package io.taskercore.engine;

import io.taskercore.model.ClaimedStep;
import io.taskercore.model.Failure;
import io.taskercore.model.RetryPolicy;
import io.taskercore.model.StepOutcome;
import io.taskercore.model.StepState;
import io.taskercore.model.TaskState;
import io.taskercore.model.TaskerException;
import io.taskercore.store.Database;
import io.taskercore.store.StepStore;
import io.taskercore.store.StepStore.Recorded;
import io.taskercore.store.TaskStore;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Records what attempts came to: one thread, and one transaction for all outcomes that arrived since the last one was
 * committed. So under load many share a commit, and without load none waits for company.
 *
 * <p>While PostgreSQL is away it holds the outcomes and tries again; the fences decide what is still wanted.
 */
final class ResultRecorder implements AutoCloseable {

  private static final Logger LOG = LoggerFactory.getLogger(ResultRecorder.class);

  /** Keeps a transaction short enough for others who wait for the same tasks. */
  private static final int MAX_BATCH = 500;

  private static final long FIRST_PAUSE_MS = 50;
  private static final long LONGEST_PAUSE_MS = 2_000;

  private final CoreRuntime runtime;
  private final Database database;
  private final StepStore steps = new StepStore();
  private final TaskStore tasks = new TaskStore();
  private final BlockingQueue<Completion> arrived = new LinkedBlockingQueue<>();
  private final Thread thread;
  private volatile boolean closing;

  ResultRecorder(CoreRuntime runtime, Database database) {
    this.runtime = runtime;
    this.database = database;
    this.thread = Threads.start("recorder", this::run);
  }

  void record(Completion completion) {
    arrived.add(completion);
  }

  private void run() {
    List<Completion> batch = new ArrayList<>();
    while (!closing || !arrived.isEmpty()) {
      try {
        Completion first = arrived.poll(100, TimeUnit.MILLISECONDS);
        if (first == null) {
          continue;
        }
        batch.add(first);
        arrived.drainTo(batch, MAX_BATCH - 1);
        flush(batch);
      } catch (InterruptedException interrupted) {
        return;
      } catch (RuntimeException | Error failure) {
        LOG.error("recorder: {} outcomes were not recorded; their steps run again when the lease lapses", batch.size(), failure);
      } finally {
        batch.clear();
      }
    }
  }

  private void flush(List<Completion> batch) throws InterruptedException {
    long pauseMs = FIRST_PAUSE_MS;
    while (true) {
      try {
        new Flush(batch).run();
        return;
      } catch (TaskerException.Database failure) {
        if (!failure.isTransient()) {
          flushOneByOne(batch, failure);
          return;
        }
        runtime.suspectClaims();
        if (closing) {
          throw failure;
        }
        LOG.warn("recorder: {} outcomes wait for PostgreSQL, next try in {} ms: {}", batch.size(), pauseMs, failure.getMessage());
        Thread.sleep(pauseMs);
        pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
      }
    }
  }

  /** PostgreSQL refuses something in the batch: what is sound goes through, what is not ends its step with that error. */
  private void flushOneByOne(List<Completion> batch, TaskerException.Database failure) throws InterruptedException {
    if (batch.size() > 1) {
      for (Completion completion : List.copyOf(batch)) {
        flush(new ArrayList<>(List.of(completion)));
      }
      return;
    }
    Completion completion = batch.get(0);
    String message = "the outcome could not be stored: " + failure.getMessage();
    LOG.error("recorder: step {}: {}", completion.attempt().stepId(), message, failure);
    Failure instead = Failure.of("TaskerCore::DatabaseError", message, "outcome_refused", false);
    StepOutcome outcome =
        Outcomes.failure(completion.attempt().step(), RetryPolicy.DEFAULT, instead, runtime.random());
    new Flush(List.of(new Completion(completion.attempt(), outcome))).run();
  }

  /** Waits until everything that has arrived is recorded, then ends. */
  @Override
  public void close() {
    closing = true;
    try {
      thread.join(30_000);
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  /** One transaction, and what follows from its commit. */
  private final class Flush {

    private final List<Completion> batch;
    private final Map<Long, Completion> parentOfWanted = new HashMap<>();
    private final Map<Claimant, Integer> unusedRoom = new HashMap<>();

    Flush(List<Completion> batch) {
      this.batch = batch;
    }

    void run() {
      reserveRoomForChildren();
      List<Long> failedFast;
      Recorded recorded;
      try {
        List<StepOutcome> outcomes =
            batch.stream().map(Completion::outcome).sorted(Comparator.comparingLong(StepOutcome::stepId)).toList();
        Set<Long> mayFailFast = tasksThatMayFailFast();
        if (mayFailFast.isEmpty()) {
          failedFast = List.of();
          recorded = database.call(connection -> record(connection, outcomes));
        } else {
          failedFast = new ArrayList<>();
          recorded = database.transaction(connection -> {
            failedFast.clear();
            Recorded done = record(connection, outcomes);
            failedFast.addAll(failFast(connection, mayFailFast, done.ended()));
            return done;
          });
        }
        remember(recorded.accepted());
        handOver(recorded.handedOver());
      } finally {
        unusedRoom.forEach((claimant, room) -> claimant.lane().giveUp(room));
      }
      failedFast.forEach(runtime::tellAttemptsOf);
      batch.forEach(completion -> runtime.forget(completion.attempt()));
      logRefused(recorded.accepted());
      tasksToLookAt(recorded, failedFast).forEach(runtime::signal);
      if (!recorded.enqueued().isEmpty()) {
        runtime.workCame();
      } else if (batch.stream().anyMatch(completion -> completion.outcome().to() == StepState.WAITING_FOR_RETRY)) {
        runtime.wakeWorkers();
      }
    }

    private Recorded record(Connection connection, List<StepOutcome> outcomes) throws SQLException {
      return steps.record(connection, runtime.processId(), outcomes, parentOfWanted.keySet());
    }

    /**
     * Children are claimed with their parents' results where somebody here can run them: one in its parent's place, so that
     * what was begun goes on before what waits in the queue; more as far as there is room.
     */
    private void reserveRoomForChildren() {
      for (Completion completion : batch) {
        Claimant claimant = completion.attempt().claimant();
        if (completion.outcome().to() != StepState.COMPLETE || !claimant.open()) {
          continue;
        }
        boolean succeeded = false;
        ClaimedStep step = completion.attempt().step();
        for (int child : step.children()) {
          long childId = ClaimedStep.stepId(step.taskId(), child);
          boolean atHand = claimant.directory().has(completion.attempt().memory().handlerOf(child));
          if (!atHand || parentOfWanted.containsKey(childId)) {
            continue;
          }
          if (!succeeded) {
            claimant.lane().reserveSuccession();
            succeeded = true;
          } else if (claimant.lane().reserve(1) == 0) {
            break;
          }
          unusedRoom.merge(claimant, 1, Integer::sum);
          parentOfWanted.put(childId, completion);
        }
      }
    }

    private Set<Long> tasksThatMayFailFast() {
      Set<Long> taskIds = new TreeSet<>();
      for (Completion completion : batch) {
        if (completion.attempt().memory().facts().failFast() && completion.outcome().to() != StepState.COMPLETE) {
          taskIds.add(completion.attempt().taskId());
        }
      }
      return taskIds;
    }

    private List<Long> failFast(Connection connection, Collection<Long> taskIds, Map<Long, TaskState> ended)
        throws SQLException {
      List<Long> failed = steps.failFast(connection, taskIds);
      for (long taskId : failed) {
        TaskState state = tasks.settle(connection, tasks.lock(connection, taskId).orElseThrow(), null, "fail_fast");
        if (state.ended()) {
          ended.put(taskId, state);
        }
      }
      return failed;
    }

    /** Only what was accepted is what children read: where two have run a step, the other's result may be another one. */
    private void remember(List<Long> accepted) {
      Map<Long, Completion> newest = new HashMap<>();
      for (Completion completion : batch) {
        newest.merge(completion.attempt().stepId(), completion,
            (one, other) -> one.outcome().fence() > other.outcome().fence() ? one : other);
      }
      for (long stepId : accepted) {
        Completion completion = newest.get(stepId);
        if (completion.outcome().to() == StepState.COMPLETE) {
          completion.attempt().memory().remember(stepId, completion.outcome().result());
        }
      }
    }

    private void handOver(List<ClaimedStep> claimed) {
      Map<Attempt, List<ClaimedStep>> byParent = new LinkedHashMap<>();
      for (ClaimedStep step : claimed) {
        Attempt parent = parentOfWanted.get(step.stepId()).attempt();
        byParent.computeIfAbsent(parent, p -> new ArrayList<>()).add(step);
      }
      byParent.forEach((parent, steps) -> {
        unusedRoom.merge(parent.claimant(), -steps.size(), Integer::sum);
        runtime.claimer().handOver(steps, parent.memory(), parent.claimant());
      });
    }

    private void logRefused(List<Long> accepted) {
      if (accepted.size() == batch.size()) {
        return;
      }
      Set<Long> acceptedIds = new HashSet<>(accepted);
      for (Completion completion : batch) {
        if (!acceptedIds.contains(completion.attempt().stepId())) {
          LOG.info(
              "recorder: the outcome of step {}, attempt {}, was refused: the step was cancelled or taken over meanwhile",
              completion.attempt().stepId(), completion.attempt().attempt());
        }
      }
    }

    /** Tasks that ended, or of which there is more to claim or to wait for than was handed over. */
    private Set<Long> tasksToLookAt(Recorded recorded, List<Long> failedFast) {
      Set<Long> taskIds = new HashSet<>(recorded.ended().keySet());
      recorded.enqueued().forEach(stepId -> taskIds.add(ClaimedStep.taskIdOf(stepId)));
      for (Completion completion : batch) {
        if (completion.outcome().to() == StepState.WAITING_FOR_RETRY) {
          taskIds.add(completion.attempt().taskId());
        }
      }
      taskIds.addAll(failedFast);
      return taskIds;
    }
  }
}
