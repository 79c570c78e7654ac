package io.taskercore.jruby;

import io.taskercore.engine.attempt.Attempt;
import io.taskercore.model.Failure;
import io.taskercore.model.Json;
import io.taskercore.model.Printable;
import io.taskercore.model.TaskerException;
import java.lang.ref.Reference;
import java.util.function.Function;
import org.jruby.RubyClass;
import org.jruby.RubyHash;
import org.jruby.exceptions.RaiseException;
import org.jruby.runtime.ThreadContext;
import org.jruby.runtime.builtin.IRubyObject;

/**
 * One attempt on a handler thread: it finds the handler, calls it, and hands back what came of it. Whatever the handler does, the attempt
 * ends exactly once.
 */
final class HandlerRun {

  private static final int MAX_LOGGED = 500;

  private final ThreadContext context;
  private final RuntimeState state;
  private final Attempt attempt;

  /** What the handler raised or threw; null if it returned. */
  private Throwable left;

  /** Whether the attempt was given back because its handler could not begin. */
  private boolean released;

  /** How the attempt ends; null until its handler has ended. */
  private Function<Attempt, Attempt> ending;

  HandlerRun(ThreadContext context, RuntimeState state, Attempt attempt) {
    this.context = context;
    this.state = state;
    this.attempt = attempt;
  }

  /** @return the attempt that the thread goes on with; null if there is none */
  Attempt run() {
    CoordinatorHandle handle = ((KnownHandlers) attempt.directory()).handle();
    if (handle == null) {
      attempt.release();
      return null;
    }
    HandlerWrap wrap = state.handlerWrap();
    if (wrap == null) {
      runHandler(handle);
    } else {
      runInside(wrap, handle);
    }
    Attempt next = ending == null ? null : ending.apply(attempt);
    // Until here the handler's coordinator must not be collected, and so closed.
    Reference.reachabilityFence(handle);
    context.setErrorInfo(context.nil);
    if (RubyErrors.isEndOfThread(left)) {
      if (next != null) {
        next.release();
      }
      throw (RuntimeException) left;
    }
    return next;
  }

  private void runHandler(CoordinatorHandle handle) {
    IRubyObject handler = find(handle);
    Interruption interruption = new Interruption(context.getThread(), state.errorClass("StepInterrupted"));
    if (handler == null || !attempt.begin(interruption)) {
      released = true;
      attempt.release();
      return;
    }
    HandlerFailure failures = new HandlerFailure(context, state, attempt, handle.maxPayloadBytes());
    Function<Attempt, Attempt> returned;
    state.runningHandlers().began(context, attempt);
    try {
      returned = call(handler, failures, handle.maxPayloadBytes());
    } finally {
      state.runningHandlers().ended(context);
    }
    left = interruption.end(context, left);
    if (left == null) {
      ending = returned;
    } else {
      ending = failing(failure(failures));
    }
  }

  /**
   * Finds and runs the handler inside what the application has put around handlers, which sees what the handler raises. If that wrap
   * fails after the handler has ended, this does not change how the handler ended. If it fails before, it is as if the handler were
   * missing here: the step waits, and the handler is looked for again after a while.
   */
  private void runInside(HandlerWrap wrap, CoordinatorHandle handle) {
    try {
      wrap.run(
          context,
          state.guard(),
          () -> {
            runHandler(handle);
            return left;
          });
    } catch (Throwable thrown) {
      if (RubyErrors.isEndOfThread(thrown)) {
        left = thrown;
      } else if (!HandlerWrap.isSame(thrown, left)) {
        state.log().write(context, "error", "what is around handlers failed at " + attempt.handler() + ": " + RubyLog.stackTrace(thrown));
      }
    }
    if (ending == null && !released) {
      forgetHandler();
      attempt.release();
    }
  }

  private IRubyObject find(CoordinatorHandle handle) {
    try {
      return handle.find(context, attempt.handler());
    } catch (Throwable failure) {
      released = true;
      if (!RubyErrors.isEndOfThread(failure)) {
        // Otherwise the step would be claimed again at once, in vain, until somebody mends the handler's code.
        forgetHandler();
      }
      attempt.release();
      throw failure;
    }
  }

  /** Treats the handler as missing here, until it is looked for again. */
  private void forgetHandler() {
    ((KnownHandlers) attempt.directory()).remove(attempt.handler());
  }

  private Function<Attempt, Attempt> call(IRubyObject handler, HandlerFailure failures, int maxResultBytes) {
    SlotLease lease = SlotLease.begin(context, attempt);
    try {
      IRubyObject instance = handler instanceof RubyClass ? handler.callMethod(context, "new") : handler;
      IRubyObject result = instance.callMethod(context, "call", state.stepContext(context, attempt));
      return ending(result, failures, maxResultBytes);
    } catch (Throwable thrown) {
      left = thrown;
      return null;
    } finally {
      lease.end(context);
    }
  }

  private Function<Attempt, Attempt> ending(IRubyObject returned, HandlerFailure failures, int maxResultBytes) {
    if (RubyTypes.isA(returned, "TaskerCore::StepFailure")) {
      return failing(failures.ofReturned(returned));
    }
    boolean isSuccess = RubyTypes.isA(returned, "TaskerCore::StepSuccess");
    IRubyObject result = isSuccess ? returned.callMethod(context, "result") : returned;
    IRubyObject metadata = isSuccess ? returned.callMethod(context, "metadata") : context.nil;
    if (!isDocument(result)) {
      return failing(HandlerFailure.ofWrongResult(result));
    } else if (!isDocument(metadata)) {
      return failing(HandlerFailure.ofWrongMetadata(metadata));
    }
    try {
      Json json = result.isNil() ? Json.EMPTY_OBJECT : ValueWriter.write(context, result, "result", maxResultBytes);
      Json notes = isEmpty(metadata) ? null : ValueWriter.write(context, metadata, "metadata", maxResultBytes);
      return ended -> ended.succeed(json, notes);
    } catch (TaskerException.Validation refusal) {
      return failing(HandlerFailure.ofUnwritableResult(refusal));
    }
  }

  private static boolean isDocument(IRubyObject value) {
    return value.isNil() || value instanceof RubyHash || RubyTypes.isA(value, "TaskerCore::Result");
  }

  private static boolean isEmpty(IRubyObject metadata) {
    return metadata.isNil() || metadata instanceof RubyHash notes && notes.isEmpty();
  }

  private Function<Attempt, Attempt> failing(Failure failure) {
    return ended -> {
      boolean late = ended.cancelled();
      ended.fail(failure);
      if (!ended.hasTimedOut()) {
        tell(failure, late);
      }
      return null;
    };
  }

  /** Writes one line to the log. It never holds the payload, though the application's message may quote it. */
  private void tell(Failure failure, boolean late) {
    boolean last = !failure.retryable() || attempt.isLast();
    String how = late ? "was broken off" : last ? "failed for good" : "failed, and is tried again";
    String message = Excerpt.of(failure.message(), MAX_LOGGED);
    state.log().write(
        context,
        late || last ? "warn" : "info",
        attempt.tag() + " " + how + ": " + failure.errorClass() + ": " + Printable.of(message));
  }

  /** An exception may be a class of the application: asking it for its message runs code that may raise as well. */
  private Failure failure(HandlerFailure failures) {
    try {
      return failures.of(left);
    } catch (Throwable broken) {
      String name = left instanceof RaiseException raised
          ? RubyTypes.nameOf(raised.getException())
          : left.getClass().getSimpleName();
      left = RubyErrors.isEndOfThread(broken) ? broken : left;
      return Failure.of(name, "the handler's exception could not be read", null, true);
    }
  }
}
