package io.taskercore.engine.record;

import io.taskercore.engine.attempt.Attempt;
import io.taskercore.engine.attempt.InFlightAttempts;
import io.taskercore.engine.attempt.OutcomeSink;
import io.taskercore.engine.claim.UnconfirmedClaims;
import io.taskercore.engine.clock.Deadline;
import io.taskercore.model.StepOutcome;
import io.taskercore.model.StepState;
import io.taskercore.store.Database;
import java.util.List;
import java.util.stream.IntStream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The recorders of a database. Each task has one of them, so they never wait for each other's locks, and together they keep more
 * than one of the server's processors at work.
 */
public final class ResultRecorders implements OutcomeSink {

  private static final Logger LOG = LoggerFactory.getLogger(ResultRecorders.class);

  /** More recorders make smaller batches, and take connections from others. */
  private static final int MOST = 4;

  private static final int CONNECTIONS_FOR_EACH = 8;

  /** The close waits this long for locked rows. Steps whose rows stay locked run again when the rows are free. */
  private static final long BLOCKED_CLOSE_MS = 2_000;

  private final InFlightAttempts inFlight;
  private final BlockedOutcomes blocked;
  private final List<ResultRecorder> recorders;

  /** @param poolSize the pool size of the handle that opened the pool */
  public ResultRecorders(
      OutcomeTransactions outcomes, Database database, InFlightAttempts inFlight, UnconfirmedClaims unconfirmed, int poolSize) {
    this.inFlight = inFlight;
    this.blocked = new BlockedOutcomes(outcomes, database, unconfirmed, this::again);
    int count = Math.max(1, Math.min(MOST, poolSize / CONNECTIONS_FOR_EACH));
    recorders = IntStream.range(0, count).mapToObj(i -> new ResultRecorder(outcomes, inFlight, unconfirmed, blocked)).toList();
  }

  private void again(Completion completion) {
    of(completion.attempt()).again(completion);
  }

  public void start() {
    recorders.forEach(ResultRecorder::start);
  }

  /** If the outcome fails its task, attempts of the same task that have not begun are kept from beginning. */
  @Override
  public void record(Attempt attempt, StepOutcome outcome) {
    boolean failsTask = attempt.failFast() && outcome.to() == StepState.ERROR;
    List<Attempt> preempted = failsTask ? inFlight.preempt(inFlight.ofTask(attempt.taskId())) : List.of();
    of(attempt).record(new Completion(attempt, outcome, preempted));
  }

  @Override
  public Attempt recordHere(Attempt attempt, StepOutcome outcome) {
    return of(attempt).recordHere(new Completion(attempt, outcome));
  }

  /** Says in words which outcomes have waited long for rows that somebody else has locked, and for whom. */
  public List<String> blocked() {
    return blocked.reasons();
  }

  /** How many outcomes have arrived and are in no transaction yet. */
  public int waiting() {
    return recorders.stream().mapToInt(ResultRecorder::waiting).sum() + blocked.size();
  }

  private ResultRecorder of(Attempt attempt) {
    return recorders.get((int) (attempt.taskId() % recorders.size()));
  }

  /** Waits until everything that has arrived is recorded, or time is up, then ends. */
  public void close(Deadline deadline) {
    recorders.forEach(ResultRecorder::end);
    recorders.forEach(recorder -> recorder.awaitEnd(deadline));
    List<Completion> left = blocked.end(Deadline.in(BLOCKED_CLOSE_MS));
    if (!left.isEmpty()) {
      LOG.warn("recorder: {} results are lost, for their rows stay locked; the steps run again: {}", left.size(), blocked.reasons());
      left.forEach(completion -> inFlight.giveBackPreempted(completion.preempted()));
      inFlight.abandon(left.stream().map(Completion::attempt).toList());
    }
  }
}
