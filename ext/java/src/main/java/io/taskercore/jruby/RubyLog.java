package io.taskercore.jruby;

import io.taskercore.model.TaskerException;
import java.io.PrintWriter;
import java.io.StringWriter;
import org.jruby.RubyModule;
import org.jruby.RubyString;
import org.jruby.exceptions.RaiseException;
import org.jruby.runtime.ThreadContext;
import org.jruby.runtime.builtin.IRubyObject;

/** {@code TaskerCore.logger}. A logger that raises harms nobody. */
final class RubyLog {

  private final RubyModule taskerCore;

  RubyLog(RubyModule taskerCore) {
    this.taskerCore = taskerCore;
  }

  /** One entry for an error that is about to be raised: whole where somebody must look into it, else a line for debugging. */
  void failure(ThreadContext context, String reference, Throwable failure) {
    if (failure instanceof TaskerException.Database) {
      write(context, "error", "[" + reference + "] " + withCauses(failure));
    } else if (!isExpected(failure)) {
      write(context, "error", "[" + reference + "] " + stackTrace(failure));
    } else if (isDebugging(context)) {
      write(context, "debug", "[" + reference + "] " + failure.getMessage());
    }
  }

  void write(ThreadContext context, String level, String message) {
    try {
      logger(context).callMethod(context, level, RubyString.newUTF8String(context.runtime, message));
    } catch (RaiseException e) {
      context.setErrorInfo(context.nil);
    }
  }

  boolean isDebugging(ThreadContext context) {
    try {
      return logger(context).callMethod(context, "debug?").isTrue();
    } catch (RaiseException e) {
      context.setErrorInfo(context.nil);
      return false;
    }
  }

  /** The calling thread's; a Java thread becomes known to the runtime by asking. */
  ThreadContext currentContext() {
    return taskerCore.getRuntime().getCurrentContext();
  }

  private IRubyObject logger(ThreadContext context) {
    return taskerCore.callMethod(context, "logger");
  }

  private static boolean isExpected(Throwable failure) {
    return failure instanceof InvalidType || failure instanceof TaskerException && !(failure instanceof TaskerException.Internal);
  }

  private static String withCauses(Throwable failure) {
    StringBuilder text = new StringBuilder(failure.getMessage());
    for (Throwable cause = failure.getCause(); cause != null; cause = cause.getCause()) {
      text.append(", because of ").append(cause);
    }
    return text.toString();
  }

  static String stackTrace(Throwable failure) {
    StringWriter text = new StringWriter();
    failure.printStackTrace(new PrintWriter(text));
    return text.toString().stripTrailing();
  }
}
