package io.taskercore.jruby;

import io.taskercore.engine.attempt.RunningHandler;
import org.jruby.RubyModule;
import org.jruby.RubyThread;
import org.jruby.exceptions.RaiseException;
import org.jruby.runtime.Block;
import org.jruby.runtime.ThreadContext;
import org.jruby.runtime.builtin.IRubyObject;

/**
 * How the core interrupts one run of one handler, and never anything after it.
 *
 * <p>Ruby delivers an exception of {@code Thread#raise} when the thread next looks. So sending and ending exclude each other, and an
 * exception that was sent but not seen is taken out of the thread once the handler has ended.
 */
final class Interruption implements RunningHandler {

  /** Where a handler is now: this many lines of Ruby, from the innermost. */
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
      // Then its handlers are gone as well.
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
   * @param left what the handler raised or threw, null if it returned
   * @return the same, or whatever else reached the thread meanwhile
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
        // It is no longer under way: the handler rescued it.
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
