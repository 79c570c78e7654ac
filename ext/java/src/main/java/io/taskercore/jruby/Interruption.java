package io.taskercore.jruby;

import io.taskercore.engine.attempt.RunningHandler;
import org.jruby.RubyModule;
import org.jruby.RubyThread;
import org.jruby.exceptions.RaiseException;
import org.jruby.runtime.Block;
import org.jruby.runtime.ThreadContext;
import org.jruby.runtime.builtin.IRubyObject;

/**
 * How the core breaks into one run of one handler, and never into anything after it.
 *
 * <p>Ruby delivers what {@code Thread#raise} sends when the thread next looks. So sending and ending exclude each other, and what
 * was sent but not seen is fetched out of the thread once the handler has ended.
 */
final class Interruption implements RunningHandler {

  /** Where a handler stands is told by so many lines of Ruby, from the innermost. */
  private static final int LINES = 3;

  private final RubyThread target;
  private final RubyModule errorClass;
  private IRubyObject sent;
  private boolean over;

  Interruption(RubyThread target, RubyModule errorClass) {
    this.target = target;
    this.errorClass = errorClass;
  }

  @Override
  public synchronized void interrupt() {
    if (over) {
      return;
    }
    try {
      ThreadContext context = target.getRuntime().getCurrentContext();
      sent = errorClass.callMethod(context, "new", target.getRuntime().newString("the step's time is up, or it was cancelled"));
      target.raise(context, new IRubyObject[] {sent}, Block.NULL_BLOCK);
    } catch (RuntimeException runtimeIsGone) {
      // Then so are its handlers.
    }
  }

  @Override
  public String place() {
    try {
      ThreadContext context = target.getRuntime().getCurrentContext();
      IRubyObject backtrace = target.callMethod(context, "backtrace");
      return backtrace.isNil()
          ? ""
          : backtrace.callMethod(context, "first", context.runtime.newFixnum(LINES))
              .callMethod(context, "join", context.runtime.newString(" < ")).asJavaString();
    } catch (RuntimeException runtimeIsGone) {
      return "";
    }
  }

  /**
   * Called by the handler's own thread when the handler has ended; from here on nothing is sent.
   *
   * @param left what the handler was left by, null if it returned
   * @return the same, or what else reached the thread meanwhile
   */
  Throwable end(ThreadContext context, Throwable left) {
    synchronized (this) {
      over = true;
    }
    Throwable ending = left;
    boolean outstanding = sent != null && !isSent(left);
    while (outstanding) {
      try {
        context.pollThreadEvents();
        // Not under way any more: the handler rescued it.
        outstanding = false;
      } catch (Throwable pending) {
        outstanding = !isSent(pending);
        ending = outstanding ? pending : ending;
      }
    }
    return ending;
  }

  private boolean isSent(Throwable thrown) {
    return thrown instanceof RaiseException raised && raised.getException() == sent;
  }
}
