package io.taskercore.engine.claim;

import io.taskercore.engine.attempt.Attempt;
import io.taskercore.engine.attempt.ClaimOwner;
import io.taskercore.engine.attempt.ClaimReturner;
import io.taskercore.engine.attempt.InFlightAttempts;
import io.taskercore.engine.attempt.SlotPool;
import io.taskercore.engine.create.TaskInitializer;
import io.taskercore.engine.create.TaskInitializer.Born;
import io.taskercore.engine.create.TaskInitializer.Prepared;
import io.taskercore.engine.notify.TaskEvents;
import io.taskercore.engine.task.CachedTask;
import io.taskercore.engine.task.TaskCache;
import io.taskercore.engine.task.TaskCache.Snapshot;
import io.taskercore.event.Publication;
import io.taskercore.model.ClaimedStep;
import io.taskercore.model.Json;
import io.taskercore.model.TaskerException;
import io.taskercore.store.Claimant;
import io.taskercore.store.Database;
import io.taskercore.store.StaleTemplate;
import io.taskercore.store.StepClaims;
import io.taskercore.store.StepClaims.Apart;
import io.taskercore.store.StepClaims.Claims;
import io.taskercore.store.StepClaims.Taken;
import io.taskercore.store.StepStore;
import io.taskercore.store.TaskStore.RootClaims;
import java.sql.SQLTransientConnectionException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import java.util.concurrent.Executor;
import java.util.function.Function;
import java.util.function.LongSupplier;

/** Claims steps, and turns claimed steps into attempts. */
public final class StepClaimer {

  private final Database database;
  private final TaskCache tasks;
  private final TaskEvents events;
  private final InFlightAttempts inFlight;
  private final UnconfirmedClaims unconfirmed;
  private final ListedTasks listed;
  private final ClaimReturner returner;
  private final LongSupplier processId;
  private final Executor executor;
  private final StepClaims claims = new StepClaims();
  private final StepStore steps = new StepStore();

  /** @param processId the id under which this process claims */
  public StepClaimer(
      Database database,
      TaskCache tasks,
      TaskEvents events,
      InFlightAttempts inFlight,
      UnconfirmedClaims unconfirmed,
      ListedTasks listed,
      ClaimReturner returner,
      LongSupplier processId,
      Executor executor) {
    this.database = database;
    this.tasks = tasks;
    this.events = events;
    this.inFlight = inFlight;
    this.unconfirmed = unconfirmed;
    this.listed = listed;
    this.returner = returner;
    this.processId = processId;
    this.executor = executor;
  }

  public List<Attempt> claimOfTask(CachedTask task, List<String> handlers, SlotPool.Reservation room, ClaimOwner owner) {
    long taskId = task.facts().taskId();
    Apart apart = apart(room.held());
    return claiming((claimant, publication) -> {
      Claims claims = database.call(
          connection -> this.claims.claimOfTask(connection, claimant, taskId, handlers, apart, room.size()));
      if (claims.taken().stream().anyMatch(taken -> !taken.taskCreatedAt().equals(task.facts().createdAt()))) {
        returner.giveBack(claims.steps(), false);
        throw new TaskerException.TaskNotFound(taskId);
      }
      return attempts(claims, claimant, all -> Map.of(taskId, task), owner, publication);
    });
  }

  private Apart apart(int places) {
    return new Apart(places, inFlight.isLastChanceFree());
  }

  /** A statement that claims, and the code that makes attempts of its claims. */
  @FunctionalInterface
  private interface Claimed<T> {
    T by(Claimant claimant, Publication publication);
  }

  /** If no answer arrives, PostgreSQL may still have made the claims. They are unconfirmed then. */
  private <T> T claiming(Claimed<T> claim) {
    Claimant claimant = Claimant.of(processId.getAsLong());
    return unconfirmed.claiming(() -> {
      try (Publication publication = events.begin()) {
        return claim.by(claimant, publication);
      } catch (RuntimeException | Error failure) {
        if (leavesDoubt(failure)) {
          unconfirmed.suspect();
          listed.settled(claimant);
        }
        throw failure;
      }
    });
  }

  /** Where the pool had no connection to give, nothing was sent. */
  private static boolean leavesDoubt(Throwable failure) {
    return failure instanceof TaskerException.Database refused
        ? refused.isTransient() && !(refused.getCause() instanceof SQLTransientConnectionException)
        : !(failure instanceof StaleTemplate);
  }

  /**
   * A task that a run was asked to create.
   *
   * @param created false: its idempotency key had made it before
   * @param ended whether it has already ended
   * @param attempts at its root steps
   */
  public record Begun(CachedTask task, boolean created, boolean ended, List<Attempt> attempts) {}

  /**
   * Creates a task and claims its root steps in the same transaction.
   *
   * @throws StaleTemplate if the task must be prepared again
   */
  public Begun begin(TaskInitializer initializer, Prepared prepared, List<String> handlers, int limit, ClaimOwner owner) {
    return claiming((claimant, publication) -> {
      Born born = initializer.begin(prepared, new RootClaims(claimant, handlers, limit), database);
      if (born.created() == null) {
        Snapshot snapshot = this.tasks.find(born.taskId());
        return new Begun(snapshot.task(), false, snapshot.state().ended(), List.of());
      }
      CachedTask task = new CachedTask(prepared.task().facts(born.taskId(), born.created().at()), prepared.template());
      events.begun(publication, prepared.task(), born.created(), task);
      List<ClaimedStep> claimed = born.created().claims().steps();
      List<Attempt> attempts = attempts(claimed, claimant.processId(), Map.of(), Map.of(born.taskId(), task), owner);
      if (!claimed.isEmpty()) {
        listed.settled(claimant);
      }
      return new Begun(task, true, false, attempts);
    });
  }

  /**
   * Attempts at steps that were taken from the queue.
   *
   * @param apartWaits whether there are steps that are claimed only for slots that are held free
   */
  public record Ready(List<Attempt> attempts, boolean apartWaits) {}

  /**
   * @param candidates how many steps to look at for each place there is room for, because others may be about to claim the first ones
   * @param deep whether to pass over tasks whose rows somebody else has locked
   */
  public Ready claimReady(
      List<String> handlers, List<String> namespaces, SlotPool.Reservation room, int candidates, boolean deep, ClaimOwner owner) {
    Apart apart = apart(room.held());
    return claiming((claimant, publication) -> {
      Claims claims = database.call(connection -> this.claims.claimReady(
          connection, claimant, handlers, namespaces, apart, room.size(), room.size() * candidates, deep));
      return new Ready(attempts(claims, claimant, this::tasksOf, owner, publication), claims.apartWaits());
    });
  }

  /** Empty if the step may not run now, or if somebody else is about to run it. */
  public Optional<Attempt> claimStep(long stepId, ClaimOwner owner) {
    Apart apart = apart(1);
    return claiming((claimant, publication) -> {
      Claims claims = database.call(connection -> this.claims.claimStep(connection, claimant, stepId, apart));
      return attempts(claims, claimant, this::tasksOf, owner, publication).stream().findFirst();
    });
  }

  private List<Attempt> attempts(
      Claims claims, Claimant claimant, Function<Claims, Map<Long, CachedTask>> known, ClaimOwner owner, Publication publication) {
    if (claims.taken().isEmpty()) {
      return List.of();
    }
    Map<Long, CachedTask> tasks = known.apply(claims);
    long now = System.nanoTime();
    events.changed(publication, claims.changes(), tasks);
    Map<Long, Long> readyNanos = new HashMap<>();
    for (Taken taken : claims.taken()) {
      readyNanos.put(taken.step().stepId(), now - Duration.between(taken.runAt(), claims.at()).toNanos());
    }
    List<Attempt> attempts = attempts(claims.steps(), claimant.processId(), readyNanos, tasks, owner);
    listed.settled(claimant);
    return attempts;
  }

  /** If the tasks cannot be read, the claims are given back. */
  private Map<Long, CachedTask> tasksOf(Claims claims) {
    Map<Long, Instant> createdAt = new HashMap<>();
    claims.taken().forEach(taken -> createdAt.put(taken.step().taskId(), taken.taskCreatedAt()));
    try {
      return this.tasks.of(createdAt);
    } catch (RuntimeException failure) {
      returner.giveBack(claims.steps(), false);
      throw failure;
    }
  }

  /**
   * Runs children that were claimed with their parents' results, in room that was reserved for them: at once if all results are at hand,
   * otherwise as soon as they have been read.
   *
   * @param goesOn whether the calling thread runs one of them itself, in the slot of its parent
   * @return the attempt that the calling thread runs; null if there is none
   */
  public Attempt handOver(
      List<ClaimedStep> claimed, long processId, CachedTask task, ClaimOwner owner, SlotPool.Reservation room, boolean goesOn) {
    boolean allAtHand = claimed.stream().allMatch(step -> task.missingFor(step).isEmpty());
    if (allAtHand) {
      return submit(claimed, processId, task, owner, room, goesOn);
    }
    // They count as in flight from now on. Else somebody who waits for the owner's last attempt would miss them.
    owner.inFlightChanged(claimed.size());
    tasks.retain(task);
    UnconfirmedClaims.Claiming claiming = unconfirmed.begin();
    Runnable handedOver = () -> {
      claiming.close();
      tasks.release(task);
      owner.inFlightChanged(-claimed.size());
    };
    try {
      executor.execute(() -> {
        try {
          submit(claimed, processId, task, owner, room, false);
        } finally {
          handedOver.run();
        }
      });
      return null;
    } catch (RuntimeException | Error noThread) {
      room.close();
      // The doubt must be raised before the task is let go: {@link ListedTasks#next} relies on that.
      unconfirmed.suspect();
      handedOver.run();
      throw noThread;
    }
  }

  private Attempt submit(
      List<ClaimedStep> claimed, long processId, CachedTask task, ClaimOwner owner, SlotPool.Reservation room, boolean goesOn) {
    try (room) {
      List<Attempt> attempts = attempts(claimed, processId, Map.of(), Map.of(task.facts().taskId(), task), owner);
      if (!owner.acceptsChildren()) {
        // The owner was closed after its children were claimed, so there may be nobody to start a thread for them.
        inFlight.giveBackUnstarted(attempts);
        return null;
      }
      Attempt next = goesOn && !attempts.isEmpty() ? attempts.get(0) : null;
      if (next != null) {
        room.succeedTo();
      }
      attempts.stream().skip(next == null ? 0 : 1).forEach(room::submit);
      return next;
    }
  }

  /**
   * If the parents' results cannot be read, the claims are given back.
   *
   * @param readyNanos since when each step could run; if a step is missing, from now on
   */
  private List<Attempt> attempts(
      List<ClaimedStep> claimed,
      long processId,
      Map<Long, Long> readyNanos,
      Map<Long, CachedTask> tasks,
      ClaimOwner owner) {
    owner.metrics().claimed(claimed.size());
    long now = System.nanoTime();
    Map<Long, Json> loaded;
    try {
      loaded = load(claimed, tasks);
    } catch (RuntimeException failure) {
      returner.giveBack(claimed, false);
      throw failure;
    }
    List<Attempt> attempts = new ArrayList<>(claimed.size());
    for (ClaimedStep step : claimed) {
      CachedTask task = tasks.get(step.taskId());
      long ready = readyNanos.getOrDefault(step.stepId(), now);
      Attempt attempt = new Attempt(step, task, task.parentResults(step, loaded), owner, inFlight, processId, ready);
      inFlight.add(attempt);
      if (step.lastChance() && !inFlight.takeLastChance(attempt)) {
        inFlight.giveBackUnstarted(List.of(attempt));
      } else {
        attempts.add(attempt);
      }
    }
    return attempts;
  }

  private Map<Long, Json> load(List<ClaimedStep> claimed, Map<Long, CachedTask> tasks) {
    TreeSet<Long> missing = new TreeSet<>();
    claimed.forEach(step -> missing.addAll(tasks.get(step.taskId()).missingFor(step)));
    if (missing.isEmpty()) {
      return Map.of();
    }
    Map<Long, Json> loaded = database.call(connection -> steps.results(connection, missing));
    loaded.forEach((stepId, result) -> tasks.get(ClaimedStep.taskIdOf(stepId)).remember(stepId, result));
    return loaded;
  }
}
