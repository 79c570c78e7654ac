package io.taskercore.jruby;

import org.jruby.RubyException;
import org.jruby.RubyString;
import org.jruby.exceptions.RaiseException;
import org.jruby.runtime.ThreadContext;
import org.jruby.runtime.builtin.IRubyObject;

/** What a Ruby object says when it is asked for another form of itself, which runs code of the application's. */
final class Conversion {

  private static final int MAX_SHOWN = 300;

  private Conversion() {}

  /**
   * Calls {@code to_h} and its like. What that raises is the object's fault, so the object is refused where it stands.
   *
   * @throws Refusal for what is rescued by a bare {@code rescue}; an interruption, Timeout's included, passes
   */
  static IRubyObject of(ThreadContext context, IRubyObject object, String method, IRubyObject... arguments) {
    try {
      return object.callMethod(context, method, arguments);
    } catch (RaiseException raised) {
      if (!RubyErrors.isFault(raised)) {
        throw raised;
      }
      RubyException error = raised.getException();
      context.setErrorInfo(context.nil);
      throw refusal(object, method, RubyTypes.nameOf(error) + message(context, error));
    } catch (StackOverflowError endless) {
      throw refusal(object, method, "SystemStackError");
    }
  }

  /** A NameError makes its message when it is asked, which is code of the application's again: the class alone may have to do. */
  static String message(ThreadContext context, RubyException error) {
    try {
      return error.callMethod(context, "message") instanceof RubyString text ? ": " + RubyText.of(text) : "";
    } catch (RaiseException raised) {
      if (!RubyErrors.isFault(raised)) {
        throw raised;
      }
      context.setErrorInfo(context.nil);
      return "";
    }
  }

  private static Refusal refusal(IRubyObject object, String method, String failure) {
    String raised = Excerpt.of(failure, MAX_SHOWN);
    return new Refusal("cannot be converted: " + RubyTypes.nameOf(object) + "#" + method + " raised " + raised);
  }
}
