package io.taskercore.engine.run;

import io.taskercore.engine.attempt.Attempt;
import io.taskercore.engine.attempt.AttemptQueue;
import io.taskercore.engine.report.Explanation;
import io.taskercore.engine.threads.Monitor;
import io.taskercore.model.ClaimedStep;
import io.taskercore.model.Format;
import io.taskercore.model.Json;
import io.taskercore.model.JsonWriter;
import io.taskercore.model.TaskerException;
import io.taskercore.store.TaskReader;
import io.taskercore.store.TaskReader.StepRow;
import io.taskercore.store.TaskReader.StepStatus;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/**
 * One call's work on one step. The step is claimed at once or refused, its handler runs on a handler thread like any other, and its
 * children are left to those who work on the task.
 */
public final class StepRun implements HostedOwner, AutoCloseable {

  /** A due step is unclaimable for a few milliseconds while another process locks it or its task. */
  private static final int TRIES = 10;
  private static final long PAUSE_MS = 20;

  private final RunHost host;
  private final RunServices services;
  private final StepRow step;
  private final TaskReader reader = new TaskReader();
  private final Runnable starter = this::threadsWanted;

  private final Monitor monitor = new Monitor();
  private boolean claimed;
  private boolean threadsWanted;
  private boolean closed;
  private int inFlight;
  private boolean begun;
  private long claimedNanos;
  private long endedNanos;

  public StepRun(RunHost host, RunServices services, StepRow step) {
    this.host = host;
    this.services = services;
    this.step = step;
  }

  /** The name of the handler that the step asks for. */
  public String handlerName() {
    return step.handler();
  }

  /**
   * Claims the step and lets it run as soon as its coordinator has a slot for it.
   *
   * @throws TaskerException.State if it cannot run now, with the reason
   */
  public void start() {
    host.queue().addStarter(starter);
    // The coordinator knows of the run by now: if it is being closed, either it sees the run, or the run sees the closing here.
    host.requireOpen();
    if (!host.directory().has(step.handler())) {
      throw refusal("this process has no handler named " + step.handler());
    }
    host.resolved(Set.of(step.handler()));
    Attempt attempt = claim();
    monitor.change(() -> claimedNanos = System.nanoTime());
    if (attempt.step().apart()) {
      slots().begin(attempt);
    } else {
      slots().reserveAnyway().submit(attempt);
    }
    monitor.change(() -> claimed = true);
    if (isClosed()) {
      // The caller has left meanwhile.
      close();
    }
  }

  private Attempt claim() {
    for (int tries = 1; ; tries++) {
      Optional<Attempt> attempt = services.claimer().claimStep(step.stepId(), this);
      if (attempt.isPresent()) {
        return attempt.get();
      }
      StepStatus status = services.database().call(connection -> reader.stepStatus(connection, step.stepId()))
          .orElseThrow(() -> new TaskerException.StepNotFound(step.stepId()));
      if (!status.due() || tries == TRIES || isClosed()) {
        throw refusal(status);
      }
      pause();
    }
  }

  private static void pause() {
    try {
      TimeUnit.MILLISECONDS.sleep(PAUSE_MS);
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private TaskerException.State refusal(StepStatus status) {
    return refusal(switch (status.state()) {
      case COMPLETE, SKIPPED, RESOLVED_MANUALLY -> "it is " + status.state().value();
      case ERROR -> "it has failed for good; retry_step grants it another attempt";
      case CANCELLED -> "it was cancelled";
      case IN_PROGRESS -> "it is running, " + Explanation.of(status, true).detail();
      default -> status.due() ? "somebody else is about to run it" : Explanation.of(status, true).detail();
    });
  }

  private TaskerException.State refusal(String reason) {
    return new TaskerException.State(Format.text("Step %d (%s) cannot be executed now: %s", step.stepId(), step.name(), reason));
  }

  /**
   * Waits until the attempt has ended, one way or another.
   *
   * @return true if it has; false if handler threads are wanted: then start as many as {@link AttemptQueue#threadsToStart} says, and wait
   *     again
   */
  public boolean await() throws InterruptedException {
    return monitor.await(() -> over() || threadsWanted, () -> {
      threadsWanted = false;
      return over();
    });
  }

  private boolean over() {
    return claimed && inFlight == 0;
  }

  /** The step as it is now, once {@link #await} has returned true. {@code duration_ms} is from its claim to its end, as everywhere. */
  public Json outcome() {
    StepRow now = services.database().call(connection -> reader.step(connection, step.stepId()))
        .orElseThrow(() -> new TaskerException.StepNotFound(step.stepId()));
    return JsonWriter.object(out -> {
      out.put("task_id", ClaimedStep.taskIdOf(now.stepId()))
          .put("step_id", now.stepId())
          .put("name", now.name())
          .put("handler", now.handler())
          .put("state", now.state().value())
          .put("task_status", now.taskState().value())
          .put("attempts", now.attempts())
          .put("max_attempts", now.maxAttempts())
          .put("result", now.result())
          .put("error", now.error())
          .put("next_run_at", now.nextRunAt())
          .put("started_at", now.startedAt())
          .put("completed_at", now.completedAt());
      if (!begun) {
        out.put("duration_ms", (String) null);
      } else {
        out.put("duration_ms", (endedNanos - claimedNanos) / 1_000_000.0);
      }
    });
  }

  /** Ends the call: what has not begun is given back; what runs goes on and is recorded. */
  @Override
  public void close() {
    monitor.change(() -> closed = true);
    host.queue().removeStarter(starter);
    host.ended(this);
    services.inFlight().giveBackUnstarted(this);
  }

  private boolean isClosed() {
    return monitor.get(() -> closed);
  }

  private void threadsWanted() {
    monitor.change(() -> threadsWanted = true);
  }

  @Override
  public RunHost host() {
    return host;
  }

  /** Never: the caller asked for this step, and for no other. */
  @Override
  public boolean acceptsChildren() {
    return false;
  }

  @Override
  public void attemptBegan() {
    monitor.change(() -> begun = true);
  }

  @Override
  public void inFlightChanged(int delta) {
    host.inFlightChanged(delta);
    monitor.change(() -> {
      inFlight += delta;
      endedNanos = System.nanoTime();
    });
  }
}
