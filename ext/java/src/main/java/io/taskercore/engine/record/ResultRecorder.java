package io.taskercore.engine.record;

import io.taskercore.engine.attempt.Attempt;
import io.taskercore.engine.attempt.InFlightAttempts;
import io.taskercore.engine.attempt.Outcomes;
import io.taskercore.engine.claim.UnconfirmedClaims;
import io.taskercore.engine.clock.Deadline;
import io.taskercore.engine.threads.Threads;
import io.taskercore.model.ErrorReference;
import io.taskercore.model.Failure;
import io.taskercore.model.Format;
import io.taskercore.model.RetryPolicy;
import io.taskercore.model.StepOutcome;
import io.taskercore.model.TaskerException;
import io.taskercore.store.Database;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;

/**
 * Records the outcomes of attempts, in one transaction at a time for all that arrived since the last one was committed. So under load
 * many outcomes share a commit, and without load none waits for others.
 *
 * <ol>
 *   <li>Under load a thread of its own records.
 *   <li>If a handler's thread has nothing else to run, it records its outcome itself, and no other thread is woken for that.
 *   <li>Outcomes that somebody else's lock holds up go to {@link BlockedOutcomes}, so that the others do not wait.
 *   <li>While PostgreSQL is away, the recorder's thread keeps the outcomes and tries again; the fences decide what is still wanted.
 * </ol>
 */
final class ResultRecorder {

  private static final Logger LOG = LoggerFactory.getLogger(ResultRecorder.class);

  /** Keeps a transaction short enough for others who wait for the same tasks. */
  private static final int MAX_BATCH = 500;

  /**
   * Keeps one message to PostgreSQL within what both sides easily hold in memory. On its way a result exists in several forms, some of
   * them twice as large.
   */
  private static final long MAX_BATCH_BYTES = Math.min(8L * 1024 * 1024, Runtime.getRuntime().maxMemory() / 128);

  /** A statement was cancelled, as by statement_timeout; the server is out of memory. */
  private static final Set<String> SIZE_STATES = Set.of("57014", "53200");

  /** A single outcome may meet such a limit this often, because other work may be the cause. */
  private static final int SIZE_TRIES = 5;

  private static final String LIMIT =
      "; the outcome has %d bytes: statement_timeout, or the server's memory, must allow for more, or the handler return less";

  private static final long FIRST_PAUSE_MS = 50;
  private static final long LONGEST_PAUSE_MS = 2_000;

  private final OutcomeTransactions outcomes;
  private final InFlightAttempts inFlight;
  private final UnconfirmedClaims unconfirmed;
  private final BlockedOutcomes blocked;
  private final BlockingQueue<Completion> arrived = new LinkedBlockingQueue<>();
  private final ReentrantLock turn = new ReentrantLock();
  private final Thread thread = Threads.named("recorder").newThread(this::run);
  private volatile boolean closing;

  ResultRecorder(
      OutcomeTransactions outcomes, InFlightAttempts inFlight, UnconfirmedClaims unconfirmed, BlockedOutcomes blocked) {
    this.blocked = blocked;
    this.outcomes = outcomes;
    this.inFlight = inFlight;
    this.unconfirmed = unconfirmed;
  }

  void start() {
    thread.start();
  }

  void record(Completion completion) {
    arrived.add(completion);
  }

  /**
   * The same on the calling thread, if nobody else records just now. Otherwise, or if it cannot be done at once, the recorder's thread
   * takes the outcome.
   *
   * @return a child that the thread goes on with, in the slot of the attempt that has ended; null if there is none
   */
  Attempt recordHere(Completion completion) {
    if (blocked.join(completion)) {
      return null;
    }
    // The recorder's thread goes first, because it may wait for its turn with outcomes that came earlier.
    if (turn.hasQueuedThreads() || !turn.tryLock()) {
      arrived.add(completion);
      return null;
    }
    // An interrupt is meant for what the thread does next. During a statement it would close the connection of a virtual thread.
    boolean interrupted = Thread.interrupted();
    try {
      if (arrived.isEmpty()) {
        return flushHere(completion);
      }
      arrived.add(completion);
      return null;
    } finally {
      turn.unlock();
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private Attempt flushHere(Completion completion) {
    try {
      return outcomes.recordAndGoOn(completion);
    } catch (TaskerException.Database failure) {
      laterOf(completion, failure);
    } catch (RuntimeException | Error fault) {
      arrived.add(failed(completion, fault));
    }
    return null;
  }

  private void laterOf(Completion completion, TaskerException.Database failure) {
    if (failure.isLocked()) {
      blocked.add(List.of(completion));
    } else {
      unconfirmed.suspect();
      arrived.add(completion);
    }
  }

  private void run() {
    while (!closing || !arrived.isEmpty()) {
      try {
        Completion first = arrived.poll(100, TimeUnit.MILLISECONDS);
        if (first != null) {
          recordInTurn(first);
        }
      } catch (InterruptedException interrupted) {
        return;
      }
    }
  }

  private void recordInTurn(Completion first) throws InterruptedException {
    List<Completion> batch = new ArrayList<>();
    turn.lock();
    try {
      fill(batch, first);
      if (!batch.isEmpty()) {
        flush(batch);
      }
    } catch (TaskerException.Database closing) {
      abandon(batch, closing);
    } catch (RuntimeException | Error fault) {
      recordApart(batch, fault);
    } finally {
      turn.unlock();
    }
  }

  /** Records each outcome separately, so that a fault of ours harms only the outcome that has it. */
  private void recordApart(List<Completion> batch, Throwable fault) {
    if (batch.size() > 1) {
      batch.forEach(this::recordAlone);
    } else {
      Completion completion = batch.get(0);
      if (completion.instead()) {
        abandon(batch, fault);
      } else {
        arrived.add(failed(completion, fault));
      }
    }
  }

  private void recordAlone(Completion completion) {
    try {
      outcomes.record(List.of(completion));
    } catch (TaskerException.Database failure) {
      laterOf(completion, failure);
    } catch (RuntimeException | Error fault) {
      recordApart(List.of(completion), fault);
    }
  }

  /**
   * The attempt ends as a failed one: it counts and backs off, so that its step does not run again and again. If the outcome was
   * recorded before the fault, this one is refused.
   */
  private Completion failed(Completion completion, Throwable fault) {
    unconfirmed.suspect();
    String reference = ErrorReference.next();
    LOG.error(
        "recorder: [{}] the outcome of step {}, attempt {}, could not be recorded; the attempt counts as failed",
        reference, completion.attempt().stepId(), completion.attempt().attempt(), fault);
    Failure failure = Failure.of(
        "TaskerCore::InternalError", "the outcome could not be recorded; the log says why, under " + reference,
        "outcome_not_recorded", true);
    return completion.instead(completion.attempt().outcomeOf(failure));
  }

  private void abandon(List<Completion> batch, Throwable failure) {
    LOG.error("recorder: {} outcomes were not recorded; their steps run again", batch.size(), failure);
    try {
      batch.forEach(completion -> inFlight.giveBackPreempted(completion.preempted()));
      inFlight.abandon(batch.stream().map(Completion::attempt).toList());
    } catch (TaskerException.Closed closing) {
      LOG.warn("recorder: the steps run again once this process's claims are found by others: {}", closing.getMessage());
    }
  }

  /** Fills the batch with what has arrived meanwhile. */
  private void fill(List<Completion> batch, Completion first) {
    long bytes = 0;
    for (Completion next = first; next != null; next = arrived.poll()) {
      if (blocked.join(next)) {
        continue;
      }
      batch.add(next);
      bytes += next.outcome().bytes();
      if (batch.size() == MAX_BATCH || bytes >= MAX_BATCH_BYTES) {
        return;
      }
    }
  }

  private void flush(List<Completion> batch) throws InterruptedException {
    long pauseMs = FIRST_PAUSE_MS;
    int tooLarge = 0;
    while (true) {
      try {
        outcomes.record(batch);
        return;
      } catch (TaskerException.Database failure) {
        if (isAboutContent(failure) || isAboutSize(failure) && (batch.size() > 1 || !batch.get(0).instead() && ++tooLarge == SIZE_TRIES)) {
          flushInParts(batch, failure);
          return;
        }
        if (failure.isLocked()) {
          blocked.add(batch);
          return;
        }
        unconfirmed.suspect();
        if (closing) {
          throw failure;
        }
        LOG.atLevel(failure.isOutage() ? Level.DEBUG : Level.WARN)
            .log("recorder: {} outcomes wait for PostgreSQL, next try in {} ms: {}", batch.size(), pauseMs, failure.getMessage());
        Thread.sleep(pauseMs);
        pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
      }
    }
  }

  /**
   * Whether PostgreSQL refuses the content that we write (data exceptions, constraints, more than it can take at once), rather than being
   * unable to work at the moment.
   */
  private static boolean isAboutContent(TaskerException.Database failure) {
    String state = String.valueOf(failure.sqlState());
    return state.startsWith("22") || state.startsWith("23") || state.startsWith("54");
  }

  /** Whether PostgreSQL may accept a part although it refuses the whole: a statement took too long, or too much memory. */
  static boolean isAboutSize(TaskerException.Database failure) {
    return SIZE_STATES.contains(String.valueOf(failure.sqlState()));
  }

  /**
   * Halves the batch until the outcome that PostgreSQL refuses is alone. That one ends its step with the error; the others are recorded.
   */
  private void flushInParts(List<Completion> batch, TaskerException.Database failure) throws InterruptedException {
    if (batch.size() > 1) {
      int half = batch.size() / 2;
      flush(List.copyOf(batch.subList(0, half)));
      flush(List.copyOf(batch.subList(half, batch.size())));
      return;
    }
    Completion completion = batch.get(0);
    if (completion.instead()) {
      throw failure;
    }
    String message = "the outcome could not be stored: " + failure.getMessage()
        + (isAboutSize(failure) ? Format.text(LIMIT, completion.outcome().bytes()) : "");
    LOG.error("recorder: step {}: {}", completion.attempt().stepId(), message, failure);
    Failure instead = Failure.of("TaskerCore::DatabaseError", message, "outcome_refused", false);
    StepOutcome outcome =
        Outcomes.failure(completion.attempt().step(), RetryPolicy.DEFAULT, instead, ThreadLocalRandom.current());
    flush(List.of(completion.instead(outcome)));
  }

  /** Takes an outcome that was blocked, and then refused for another reason. */
  void again(Completion completion) {
    arrived.add(completion);
  }

  /** How many outcomes have arrived and are in no transaction yet. */
  int waiting() {
    return arrived.size() + turn.getQueueLength();
  }

  /** Nothing more will arrive; {@link #awaitEnd} must follow. */
  void end() {
    closing = true;
  }

  /** Waits until everything that has arrived is recorded, including what handlers' threads record. */
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
}
