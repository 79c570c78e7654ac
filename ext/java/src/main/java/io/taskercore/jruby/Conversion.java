package io.taskercore.jruby;

import org.jruby.RubyException;
import org.jruby.RubyString;
import org.jruby.exceptions.RaiseException;
import org.jruby.runtime.ThreadContext;
import org.jruby.runtime.builtin.IRubyObject;

/** Asks a Ruby object for another form of itself, which runs code of the application. */
final class Conversion {

  private static final int MAX_SHOWN = 300;

  private Conversion() {}

  /**
   * Calls {@code to_h} and its like. If that raises, the object is at fault, so the object is refused where it stands.
   *
   * @throws Refusal for what a bare {@code rescue} would rescue; an interruption, including Timeout's, passes
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

  /** A NameError makes its message when it is asked, which again is code of the application. If that fails, the class alone must do. */
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
