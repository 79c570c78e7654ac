package io.taskercore.jruby;

import io.taskercore.model.ErrorReference;
import io.taskercore.model.TaskerException;
import io.taskercore.model.Violation;
import java.util.List;
import java.util.concurrent.ExecutionException;
import org.jruby.Ruby;
import org.jruby.RubyArray;
import org.jruby.RubyClass;
import org.jruby.RubyException;
import org.jruby.RubyHash;
import org.jruby.RubyModule;
import org.jruby.RubyString;
import org.jruby.exceptions.JumpException;
import org.jruby.exceptions.MainExitException;
import org.jruby.exceptions.RaiseException;
import org.jruby.exceptions.ThreadKill;
import org.jruby.exceptions.Unrescuable;
import org.jruby.ir.runtime.IRJump;
import org.jruby.runtime.ThreadContext;
import org.jruby.runtime.builtin.IRubyObject;

/** Turns failures of the core into Ruby exceptions, and writes their entries in the log. */
final class RubyErrors {

  private final Ruby runtime;
  private final RubyModule taskerCore;
  private final RubyLog log;

  /** Where the gem's own Ruby files are. */
  private final String libraryPath;

  RubyErrors(RubyModule taskerCore, RubyLog log, String libraryPath) {
    this.runtime = taskerCore.getRuntime();
    this.taskerCore = taskerCore;
    this.log = log;
    this.libraryPath = libraryPath;
  }

  /** The exception that Ruby code sees for {@code failure}: Ruby's own exceptions stay, all others get their class. */
  RuntimeException translate(ThreadContext context, Throwable failure) {
    if (isRubys(failure)) {
      return (RuntimeException) failure;
    }
    Throwable cause = failure instanceof ExecutionException ? failure.getCause() : failure;
    String reference = ErrorReference.next();
    log.failure(context, reference, cause);
    return toRuby(context, reference, cause);
  }

  /** Exceptions of Ruby, and what JRuby throws to leave blocks, threads and the process. */
  static boolean isRubys(Throwable failure) {
    return failure instanceof RaiseException
        || failure instanceof Unrescuable
        || failure instanceof JumpException
        || failure instanceof IRJump;
  }

  /**
   * Whether the code of the application that threw this is itself at fault: true for what a bare {@code rescue} rescues, and for Java's
   * exceptions. Interrupts, including Timeout's, are meant for the caller of that code, and pass.
   */
  static boolean isFault(Throwable thrown) {
    return thrown instanceof RaiseException raised
        ? RubyTypes.isA(raised.getException(), "StandardError") && !RubyTypes.isA(raised.getException(), "Timeout::Error")
        : !isRubys(thrown);
  }

  /** What JRuby throws to end a thread or the process. */
  static boolean isEndOfThread(Throwable thrown) {
    return thrown instanceof ThreadKill || thrown instanceof MainExitException;
  }

  private RaiseException toRuby(ThreadContext context, String reference, Throwable failure) {
    if (failure instanceof TaskerException.TaskNotFound) {
      return error(context, "TaskNotFoundError", failure.getMessage(), reference);
    } else if (failure instanceof TaskerException.StepNotFound) {
      return error(context, "StepNotFoundError", failure.getMessage(), reference);
    } else if (failure instanceof TaskerException.TemplateNotFound) {
      return error(context, "TemplateNotFoundError", failure.getMessage(), reference);
    } else if (failure instanceof TaskerException.Validation validation) {
      RaiseException error = error(context, "ValidationError", failure.getMessage(), reference);
      return with(error, "@errors", violations(validation.violations()));
    } else if (failure instanceof TaskerException.IdempotencyConflict conflict) {
      List<Violation> violations = List.of(conflict.violation());
      return with(error(context, "IdempotencyConflictError", failure.getMessage(), reference), "@errors", violations(violations));
    } else if (failure instanceof TaskerException.Configuration) {
      return error(context, "ConfigurationError", failure.getMessage(), reference);
    } else if (failure instanceof InvalidType) {
      return error(context, "InvalidTypeError", failure.getMessage(), reference);
    } else if (failure instanceof TaskerException.Database database) {
      return with(
          with(error(context, "DatabaseError", failure.getMessage(), reference), "@sql_state", string(database.sqlState())),
          "@transient",
          runtime.newBoolean(database.isTransient()));
    } else if (failure instanceof TaskerException.State) {
      return error(context, "StateError", failure.getMessage(), reference);
    } else if (failure instanceof TaskerException.Closed) {
      return error(context, "ClosedError", failure.getMessage(), reference);
    }
    return error(context, "InternalError", "Internal orchestration error (reference " + reference + ", see the log)", reference);
  }

  private RaiseException error(ThreadContext context, String className, String message, String reference) {
    RubyClass errorClass = (RubyClass) taskerCore.getConstant(className);
    RaiseException raise = RaiseException.from(runtime, errorClass, message);
    trimBacktrace(context, raise.getException());
    return with(raise, "@reference", string(reference));
  }

  private static RaiseException with(RaiseException raise, String variable, IRubyObject value) {
    raise.getException().setInstanceVariable(variable, value);
    return raise;
  }

  /** The backtrace begins where the caller called us, not inside the library. */
  private void trimBacktrace(ThreadContext context, RubyException error) {
    if (!(error.backtrace() instanceof RubyArray<?> frames)) {
      return;
    }
    for (int i = 0; i < frames.getLength(); i++) {
      if (!(frames.eltOk(i) instanceof RubyString frame && isOwnFrame(RubyText.of(frame)))) {
        if (i > 0) {
          error.callMethod(context, "set_backtrace", frames.callMethod(context, "drop", runtime.newFixnum(i)));
        }
        return;
      }
    }
  }

  private boolean isOwnFrame(String frame) {
    return frame.startsWith(libraryPath) || frame.contains(".java:");
  }

  private RubyArray<?> violations(List<Violation> violations) {
    RubyArray<?> array = RubyArray.newArray(runtime, violations.size());
    for (Violation violation : violations) {
      RubyHash hash = RubyHash.newHash(runtime);
      hash.fastASet(key("path"), string(violation.path()));
      hash.fastASet(key("message"), string(violation.message()));
      array.append(hash);
    }
    array.setFrozen(true);
    return array;
  }

  private IRubyObject key(String name) {
    return runtime.freezeAndDedupString(RubyString.newUTF8String(runtime, name));
  }

  private IRubyObject string(String text) {
    return text == null ? runtime.getNil() : RubyString.newUTF8String(runtime, text);
  }
}
