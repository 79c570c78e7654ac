package io.taskercore.engine;

import io.taskercore.engine.FailFast.Applied;
import io.taskercore.event.Publication;
import io.taskercore.model.ClaimedStep;
import io.taskercore.model.Failure;
import io.taskercore.model.RetryPolicy;
import io.taskercore.model.StepOutcome;
import io.taskercore.model.StepState;
import io.taskercore.model.TaskerException;
import io.taskercore.store.Database;
import io.taskercore.store.StepOutcomes;
import io.taskercore.store.StepOutcomes.Ended;
import io.taskercore.store.StepOutcomes.Recorded;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
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
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Records what attempts came to, in one transaction at a time for all outcomes that arrived since the last one was committed. So
 * under load many share a commit, and without load none waits for company.
 *
 * <ol>
 *   <li>Under load a thread of its own does it.
 *   <li>Where a handler's thread has nothing else to run, it records its outcome itself, and no other is woken for that.
 *   <li>While PostgreSQL is away the recorder's thread holds the outcomes and tries again; the fences decide what is still wanted.
 * </ol>
 */
final class ResultRecorder {

  private static final Logger LOG = LoggerFactory.getLogger(ResultRecorder.class);

  /** Keeps a transaction short enough for others who wait for the same tasks. */
  private static final int MAX_BATCH = 500;

  /** And one message to PostgreSQL within what both sides hold in memory with ease. */
  private static final int MAX_BATCH_BYTES = 8 * 1024 * 1024;

  private static final long FIRST_PAUSE_MS = 50;
  private static final long LONGEST_PAUSE_MS = 2_000;

  private final CoreRuntime runtime;
  private final Database database;
  private final StepOutcomes outcomes = new StepOutcomes();
  private final FailFast failFast = new FailFast();
  private final BlockingQueue<Completion> arrived = new LinkedBlockingQueue<>();
  private final ReentrantLock turn = new ReentrantLock();
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

  /** The same, by the calling thread if nobody else records just now; what it cannot do at once is left to the recorder's. */
  void recordHere(Completion completion) {
    // Nobody goes before the recorder's thread, which may wait for its turn with outcomes that came earlier.
    if (turn.hasQueuedThreads() || !turn.tryLock()) {
      arrived.add(completion);
      return;
    }
    // It is meant for what the thread does next; here it would close the connection of a virtual thread.
    boolean interrupted = Thread.interrupted();
    try {
      if (arrived.isEmpty()) {
        flushHere(completion);
      } else {
        arrived.add(completion);
      }
    } finally {
      turn.unlock();
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private void flushHere(Completion completion) {
    List<Completion> batch = List.of(completion);
    try {
      new Flush(batch).run();
    } catch (TaskerException.Database failure) {
      runtime.strays().suspect();
      arrived.add(completion);
    } catch (RuntimeException | Error failure) {
      abandon(batch, failure);
    }
  }

  private void run() {
    List<Completion> batch = new ArrayList<>();
    while (!closing || !arrived.isEmpty()) {
      try {
        Completion first = arrived.poll(100, TimeUnit.MILLISECONDS);
        if (first == null) {
          continue;
        }
        turn.lock();
        try {
          fill(batch, first);
          flush(batch);
        } finally {
          turn.unlock();
        }
      } catch (InterruptedException interrupted) {
        return;
      } catch (RuntimeException | Error failure) {
        abandon(List.copyOf(batch), failure);
      } finally {
        batch.clear();
      }
    }
  }

  private void abandon(List<Completion> batch, Throwable failure) {
    LOG.error("recorder: {} outcomes were not recorded; their steps run again", batch.size(), failure);
    try {
      runtime.held().abandon(batch);
    } catch (TaskerException.Closed closing) {
      LOG.warn("recorder: the steps run again once this process's claims are found by others: {}", closing.getMessage());
    }
  }

  /** With what has arrived meanwhile. */
  private void fill(List<Completion> batch, Completion first) {
    long bytes = 0;
    for (Completion next = first; next != null; next = arrived.poll()) {
      batch.add(next);
      bytes += next.outcome().bytes();
      if (batch.size() == MAX_BATCH || bytes >= MAX_BATCH_BYTES) {
        return;
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
        if (isAboutContent(failure)) {
          flushInParts(batch, failure);
          return;
        }
        runtime.strays().suspect();
        if (closing) {
          throw failure;
        }
        LOG.warn("recorder: {} outcomes wait for PostgreSQL, next try in {} ms: {}", batch.size(), pauseMs, failure.getMessage());
        Thread.sleep(pauseMs);
        pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
      }
    }
  }

  /**
   * Whether PostgreSQL refuses what we would write (data exceptions, constraints, more than it can take at once), rather than to
   * work at all just now.
   */
  private static boolean isAboutContent(TaskerException.Database failure) {
    String state = String.valueOf(failure.sqlState());
    return state.startsWith("22") || state.startsWith("23") || state.startsWith("54");
  }

  /** PostgreSQL refuses something in the batch: what is sound goes through, what is not ends its step with that error. */
  private void flushInParts(List<Completion> batch, TaskerException.Database failure) throws InterruptedException {
    if (batch.size() > 1) {
      int half = batch.size() / 2;
      flush(List.copyOf(batch.subList(0, half)));
      flush(List.copyOf(batch.subList(half, batch.size())));
      return;
    }
    Completion completion = batch.get(0);
    String message = "the outcome could not be stored: " + failure.getMessage();
    LOG.error("recorder: step {}: {}", completion.attempt().stepId(), message, failure);
    Failure instead = Failure.of("TaskerCore::DatabaseError", message, "outcome_refused", false);
    StepOutcome outcome =
        Outcomes.failure(completion.attempt().step(), RetryPolicy.DEFAULT, instead, runtime.random());
    new Flush(List.of(new Completion(completion.attempt(), outcome, completion.withheld()))).run();
  }

  /** Nothing more will arrive; {@link #awaitEnd} must follow. */
  void end() {
    closing = true;
  }

  /** Waits until everything that has arrived is recorded, also by those who do so for themselves. */
  void awaitEnd(Deadline deadline) {
    try {
      thread.join(Math.max(1, deadline.leftMs()));
      if (turn.tryLock(deadline.leftMs(), TimeUnit.MILLISECONDS)) {
        turn.unlock();
      }
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
    }
    List<Completion> left = new ArrayList<>();
    arrived.drainTo(left);
    if (!left.isEmpty()) {
      abandon(left, new TaskerException.Closed("the coordinator"));
    }
  }

  /** One transaction, and what follows from its commit. */
  private final class Flush {

    private final List<Completion> batch;
    private final Map<Long, Completion> parentOfWanted = new HashMap<>();
    private final Map<Claimant, Lane.Reservation> room = new HashMap<>();
    private final long processId = runtime.processId();

    Flush(List<Completion> batch) {
      this.batch = batch;
    }

    void run() {
      runtime.strays().claiming(this::recordAndHandOver);
    }

    private Void recordAndHandOver() {
      reserveRoomForChildren();
      Recorded recorded;
      Applied failFast;
      List<Completion> accepted;
      try (Publication publication = runtime.events().begin()) {
        Written written = write();
        recorded = written.recorded();
        failFast = written.failFast();
        accepted = accepted(recorded.accepted());
        runtime.events().recorded(publication, recorded, accepted, failFast.log());
        accepted.forEach(Flush::remember);
        handOver(recorded.handedOver());
      } finally {
        room.values().forEach(Lane.Reservation::close);
      }
      count(accepted, recorded.ended());
      count(List.of(), failFast.ended());
      // Before their last attempts are let go: a run that holds none any more asks the database how its task stands.
      recorded.ended().forEach(runtime.signals()::ended);
      failFast.failed().forEach(runtime.held()::stopWhatHasNotBegun);
      batch.forEach(completion -> runtime.held().giveBackWithheld(completion.withheld()));
      batch.forEach(completion -> runtime.held().remove(completion.attempt()));
      logRefused(recorded.accepted());
      tasksWithWork(recorded, failFast.failed()).forEach(runtime.signals()::workIn);
      if (!recorded.enqueued().isEmpty()) {
        runtime.signals().workCame();
      } else if (batch.stream().anyMatch(completion -> completion.outcome().to() == StepState.WAITING_FOR_RETRY)) {
        runtime.signals().wakeWorkers();
      }
      return null;
    }

    private record Written(Recorded recorded, Applied failFast) {}

    /** One statement, unless a failure may have to cancel the rest of its task. */
    private Written write() {
      List<StepOutcome> sorted =
          batch.stream().map(Completion::outcome).sorted(Comparator.comparingLong(StepOutcome::stepId)).toList();
      Set<Long> mayFailFast = tasksThatMayFailFast();
      if (mayFailFast.isEmpty()) {
        return new Written(database.call(connection -> record(connection, sorted)), Applied.NOTHING);
      }
      return database.transaction(connection -> {
        Recorded recorded = record(connection, sorted);
        return new Written(recorded, failFast.apply(connection, mayFailFast));
      });
    }

    private Recorded record(Connection connection, List<StepOutcome> sorted) throws SQLException {
      return outcomes.record(connection, processId, sorted, parentOfWanted.keySet());
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
          Lane.Reservation places = room.computeIfAbsent(claimant, c -> c.lane().reserve(0));
          if (!succeeded) {
            places.extendAnyway();
            succeeded = true;
          } else if (!places.extend()) {
            break;
          }
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

    /** Where two have run a step and both outcomes are here, it is the later claim's that was accepted. */
    private List<Completion> accepted(List<Long> stepIds) {
      Map<Long, Completion> newest = new HashMap<>();
      for (Completion completion : batch) {
        newest.merge(completion.attempt().stepId(), completion,
            (one, other) -> one.outcome().fence() > other.outcome().fence() ? one : other);
      }
      return stepIds.stream().map(newest::get).toList();
    }

    /** Only what was accepted is what children read: where two have run a step, the other's result may be another one. */
    private static void remember(Completion completion) {
      if (completion.outcome().to() == StepState.COMPLETE) {
        completion.attempt().memory().remember(completion.attempt().stepId(), completion.outcome().result());
      }
    }

    /** A task counts for one of those whose outcomes brought it to its end. */
    private void count(List<Completion> accepted, List<Ended> ended) {
      long now = System.nanoTime();
      accepted.forEach(completion -> completion.attempt().claimant().metrics()
          .recorded(completion.outcome().to(), now - completion.attempt().endedNanos(), now));
      Map<Long, Claimant> byTask = new HashMap<>();
      batch.forEach(completion -> byTask.put(completion.attempt().taskId(), completion.attempt().claimant()));
      ended.forEach(task -> byTask.get(task.taskId()).metrics().taskEnded(task.state(), task.afterMs(), now));
    }

    private void handOver(List<ClaimedStep> claimed) {
      Map<Attempt, List<ClaimedStep>> byParent = new LinkedHashMap<>();
      for (ClaimedStep step : claimed) {
        Attempt parent = parentOfWanted.get(step.stepId()).attempt();
        byParent.computeIfAbsent(parent, p -> new ArrayList<>()).add(step);
      }
      byParent.forEach((parent, steps) -> {
        Lane.Reservation places = room.get(parent.claimant()).split(steps.size());
        runtime.claimer().handOver(steps, processId, parent.memory(), parent.claimant(), places);
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
              "recorder: the outcome of step {}, attempt {}, correlation {}, was refused: the step was cancelled or taken over meanwhile",
              completion.attempt().stepId(), completion.attempt().attempt(), completion.attempt().correlationId());
        }
      }
    }

    /** Tasks of which there is more to claim or to wait for than was handed over. */
    private Set<Long> tasksWithWork(Recorded recorded, List<Long> failedFast) {
      Set<Long> taskIds = new HashSet<>();
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
