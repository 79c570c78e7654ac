package io.taskercore.jruby;

import io.taskercore.engine.attempt.Attempt;
import io.taskercore.engine.attempt.AttemptQueue;
import org.jruby.exceptions.MainExitException;
import org.jruby.exceptions.RaiseException;
import org.jruby.exceptions.ThreadKill;
import org.jruby.runtime.ThreadContext;

/**
 * The life of a handler thread: it waits for an attempt, runs it, and waits again; it retires if there is none for a while. It serves
 * every coordinator of its Ruby runtime, and refers to none while it waits.
 */
final class HandlerLoop {

  private static final long IDLE_MS = 5_000;

  private final ThreadContext context;
  private final RuntimeState state;
  private final AttemptQueue attempts;

  /** @param attempts the queue for threads of this kind */
  HandlerLoop(ThreadContext context, RuntimeState state, AttemptQueue attempts) {
    this.context = context;
    this.state = state;
    this.attempts = attempts;
  }

  void run() throws Exception {
    SlotLease.disinherit();
    while (runSome()) {
      context.setErrorInfo(context.nil);
    }
  }

  /**
   * Runs an attempt, and then those at its children that the thread goes on with. This is a method of its own, so that nothing of the
   * last attempt is on the stack while the thread waits for the next.
   */
  private boolean runSome() throws Exception {
    try {
      Attempt attempt = take();
      if (attempt == null) {
        return false;
      }
      while (attempt != null) {
        attempt = new HandlerRun(context, state, attempt).run();
      }
    } catch (ThreadKill | MainExitException end) {
      throw end;
    } catch (RaiseException stray) {
      state.log().writeRegardless(context, "warn", "a handler thread was interrupted between two steps: " + stray.getMessage());
    } catch (RuntimeException | Error failure) {
      state.log().writeRegardless(context, "error", "a handler thread goes on after " + RubyLog.stackTrace(failure));
    }
    return true;
  }

  /** An attempt that was taken at the moment when the thread was interrupted goes back. */
  private Attempt take() throws Exception {
    Attempt[] taken = new Attempt[1];
    try {
      return CoreCall.await(context, () -> taken[0] = attempts.take(IDLE_MS));
    } catch (Throwable interruption) {
      if (taken[0] != null) {
        taken[0].release();
      }
      throw interruption;
    }
  }
}
