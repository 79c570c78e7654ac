package io.taskercore.jruby;

import io.taskercore.engine.attempt.Attempt;
import io.taskercore.model.Failure;
import io.taskercore.model.Json;
import io.taskercore.model.JsonWriter;
import io.taskercore.model.Printable;
import io.taskercore.model.TaskerException;
import java.util.ArrayList;
import java.util.List;
import org.jruby.RubyArray;
import org.jruby.RubyException;
import org.jruby.RubyString;
import org.jruby.exceptions.RaiseException;
import org.jruby.exceptions.ThreadKill;
import org.jruby.javasupport.JavaUtil;
import org.jruby.runtime.ThreadContext;
import org.jruby.runtime.builtin.IRubyObject;

/** Turns whatever a handler ended with, other than a result, into the failure that is stored with its step. */
final class HandlerFailure {

  private static final int MAX_BACKTRACE_LINES = 50;
  private static final int MAX_LINE_LENGTH = 500;
  private static final int MAX_MESSAGE_LENGTH = 10_000;

  private static final String NO_MESSAGE = "failed without a message";

  private final ThreadContext context;
  private final RuntimeState state;
  private final Attempt attempt;
  private final int maxContextBytes;

  HandlerFailure(ThreadContext context, RuntimeState state, Attempt attempt, int maxContextBytes) {
    this.context = context;
    this.state = state;
    this.attempt = attempt;
    this.maxContextBytes = maxContextBytes;
  }

  Failure of(Throwable thrown) {
    if (thrown instanceof RaiseException raised) {
      return ofException(raised.getException());
    } else if (thrown instanceof ThreadKill) {
      return retryable("ThreadKill", "the handler's thread was killed");
    } else if (thrown instanceof StackOverflowError) {
      return retryable("SystemStackError", "stack level too deep");
    } else if (thrown instanceof OutOfMemoryError) {
      return retryable("NoMemoryError", String.valueOf(thrown.getMessage()));
    } else if (RubyErrors.isRubys(thrown)) {
      return retryable("LocalJumpError", "the handler left by a throw, break or return that leads out of it");
    }
    return ofJava(thrown);
  }

  /** A handler returned {@code failure(...)}. */
  Failure ofReturned(IRubyObject failure) {
    boolean retryable = read(failure, "retryable").isTrue();
    return new Failure(
        retryable ? "TaskerCore::RetryableError" : "TaskerCore::PermanentError",
        message(failure),
        textOrNull(read(failure, "error_code")),
        retryable,
        seconds(read(failure, "retry_after")),
        context(read(failure, "context")),
        List.of());
  }

  /** A handler returned something that is no result. */
  static Failure ofWrongResult(IRubyObject result) {
    return permanent(
        "TaskerCore::InvalidTypeError",
        "the handler returned an instance of " + RubyTypes.nameOf(result) + ": return a Hash, nil, success(...) or failure(...)");
  }

  static Failure ofWrongMetadata(IRubyObject metadata) {
    return permanent(
        "TaskerCore::InvalidTypeError", "the metadata of success(...) is an instance of " + RubyTypes.nameOf(metadata) + ": give a Hash");
  }

  /** A handler returned a result that cannot be stored. */
  static Failure ofUnwritableResult(TaskerException.Validation refusal) {
    return permanent("TaskerCore::ValidationError", refusal.getMessage());
  }

  private Failure ofException(RubyException error) {
    boolean permanent = RubyTypes.isA(error, "TaskerCore::PermanentError");
    boolean retryable = RubyTypes.isA(error, "TaskerCore::RetryableError");
    return new Failure(
        RubyTypes.nameOf(error),
        message(error),
        permanent ? textOrNull(read(error, "error_code")) : null,
        !permanent,
        retryable ? seconds(read(error, "retry_after")) : null,
        permanent || retryable ? context(read(error, "context")) : Json.EMPTY_OBJECT,
        backtrace(read(error, "backtrace")));
  }

  private Failure ofJava(Throwable thrown) {
    IRubyObject error = JavaUtil.convertJavaToUsableRubyObject(context.runtime, thrown);
    return new Failure(
        RubyTypes.nameOf(error),
        Excerpt.of(String.valueOf(thrown.getMessage()), MAX_MESSAGE_LENGTH),
        null,
        true,
        null,
        Json.EMPTY_OBJECT,
        backtrace(read(error, "backtrace")));
  }

  private static Failure retryable(String errorClass, String message) {
    return Failure.of(errorClass, message, null, true);
  }

  private static Failure permanent(String errorClass, String message) {
    return Failure.of(errorClass, Excerpt.of(message, MAX_MESSAGE_LENGTH), null, false);
  }

  private String message(IRubyObject error) {
    IRubyObject given = readOrNull(error, "message");
    String message = given == null ? null : textOrNull(given);
    if (message == null) {
      return given != null && given.isNil() ? NO_MESSAGE : "its message could not be read";
    }
    return message.isBlank() ? NO_MESSAGE : message;
  }

  private String textOrNull(IRubyObject value) {
    return !value.isNil() && read(value, "to_s") instanceof RubyString text ? Excerpt.of(RubyText.of(text), MAX_MESSAGE_LENGTH) : null;
  }

  /** Null for nil, and for a value that cannot be a delay. Then the template's delay applies, and the log says why. */
  private Double seconds(IRubyObject retryAfter) {
    if (retryAfter.isNil()) {
      return null;
    }
    try {
      return new RetryAfter(context).seconds(retryAfter);
    } catch (Refusal refusal) {
      warn("retry_after " + refusal.getMessage() + "; the template's delay holds");
      return null;
    }
  }

  /** The value of an attribute of the application's object; nil if reading it fails, so that no part of a failure hides the others. */
  private IRubyObject read(IRubyObject object, String attribute) {
    IRubyObject value = readOrNull(object, attribute);
    return value == null ? context.nil : value;
  }

  private IRubyObject readOrNull(IRubyObject object, String attribute) {
    try {
      return Conversion.of(context, object, attribute);
    } catch (Refusal broken) {
      warn("the failure is stored in part, " + attribute + " " + Printable.of(broken.getMessage()));
      return null;
    }
  }

  /** A context that cannot be stored does not hide the failure that it came with; a note is stored in its place. */
  private Json context(IRubyObject value) {
    if (value.isNil()) {
      return Json.EMPTY_OBJECT;
    }
    try {
      return ValueWriter.write(context, Arguments.hash(context, "context", value), "context", maxContextBytes);
    } catch (TaskerException.Validation | InvalidType unwritable) {
      warn("the failure's context was not stored: " + unwritable.getMessage());
      return JsonWriter.object(json -> json.put("not_stored", Excerpt.of(unwritable.getMessage(), MAX_MESSAGE_LENGTH)));
    }
  }

  private void warn(String message) {
    state.log().write(context, "warn", attempt.tag() + " " + message);
  }

  private List<String> backtrace(IRubyObject backtrace) {
    List<String> lines = new ArrayList<>();
    if (backtrace instanceof RubyArray<?> array) {
      for (int i = 0; i < Math.min(array.getLength(), MAX_BACKTRACE_LINES); i++) {
        if (array.eltOk(i) instanceof RubyString line) {
          lines.add(Excerpt.of(RubyText.of(line), MAX_LINE_LENGTH));
        }
      }
    }
    return lines;
  }
}
