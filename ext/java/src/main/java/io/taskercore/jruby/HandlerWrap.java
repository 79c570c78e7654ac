package io.taskercore.jruby;

import java.util.function.Supplier;
import org.jruby.exceptions.RaiseException;
import org.jruby.runtime.CallBlock;
import org.jruby.runtime.Helpers;
import org.jruby.runtime.Signature;
import org.jruby.runtime.ThreadContext;
import org.jruby.runtime.builtin.IRubyObject;

/**
 * What the application has put around its handlers: a Ruby object whose {@code call} takes a block and calls it once. Rails' reloader
 * is such a thing. It is entered for each attempt, and never while a thread waits for the next.
 */
record HandlerWrap(IRubyObject around) {

  /**
   * @param handler runs a handler, and returns what it was left by, which is thrown on through the wrap; null if it returned
   */
  void run(ThreadContext context, Supplier<Throwable> handler) {
    around.callMethod(
        context,
        "call",
        IRubyObject.NULL_ARRAY,
        CallBlock.newCallClosure(
            context,
            around,
            Signature.NO_ARGUMENTS,
            (inside, arguments, block) -> {
              Throwable left = handler.get();
              if (left != null) {
                Helpers.throwException(left);
              }
              return inside.nil;
            }));
  }

  /** Whether what came out of the wrap is what the handler threw; JRuby may have put the exception into another Java one. */
  static boolean isSame(Throwable thrown, Throwable left) {
    return thrown == left
        || thrown instanceof RaiseException outer
            && left instanceof RaiseException inner
            && outer.getException() == inner.getException();
  }
}
