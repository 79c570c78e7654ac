package io.taskercore.jruby;

import io.taskercore.model.TaskerException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Supplier;
import org.jruby.RubyThread;
import org.jruby.exceptions.RaiseException;
import org.jruby.runtime.CallBlock;
import org.jruby.runtime.Helpers;
import org.jruby.runtime.Signature;
import org.jruby.runtime.ThreadContext;
import org.jruby.runtime.builtin.IRubyObject;

/**
 * What the application has put around its handlers: a Ruby object whose {@code call} takes a block and calls it once, such as Rails'
 * reloader. It is entered for each attempt, and never while a thread waits for the next.
 */
record HandlerWrap(IRubyObject around) {

  /**
   * Runs the handler inside the wrap. The attempt begins and ends once, on the thread that took it, so calling the block again, or on
   * another thread, is refused.
   *
   * @param handler runs a handler, and returns what it raised or threw, which is thrown on through the wrap; null if it returned
   */
  void run(ThreadContext context, Guard guard, Supplier<Throwable> handler) {
    AtomicBoolean called = new AtomicBoolean();
    around.callMethod(
        context,
        "call",
        IRubyObject.NULL_ARRAY,
        CallBlock.newCallClosure(
            context,
            around,
            Signature.NO_ARGUMENTS,
            (inside, arguments, block) -> {
              guard.run(inside, () -> refuseMisuse(inside, context.getThread(), called));
              Throwable left = handler.get();
              if (left != null) {
                Helpers.throwException(left);
              }
              return inside.nil;
            }));
  }

  private static IRubyObject refuseMisuse(ThreadContext inside, RubyThread thread, AtomicBoolean called) {
    if (inside.getThread() != thread) {
      throw new TaskerException.State("what is around handlers must call its block on the thread that it was called on, in no other fiber");
    }
    if (called.getAndSet(true)) {
      throw new TaskerException.State("what is around handlers called its block twice: the handler has run");
    }
    return inside.nil;
  }

  /** Whether the wrap raised what the handler had thrown; JRuby may have put the same Ruby exception into another Java one. */
  static boolean isSame(Throwable thrown, Throwable left) {
    return thrown == left
        || thrown instanceof RaiseException outer
            && left instanceof RaiseException inner
            && outer.getException() == inner.getException();
  }
}
