package io.taskercore.jruby;

import io.taskercore.document.Moments;
import io.taskercore.model.TaskerException;
import java.time.Instant;
import java.util.regex.Pattern;
import org.jruby.RubyFloat;
import org.jruby.RubyNumeric;
import org.jruby.RubyString;
import org.jruby.RubyTime;
import org.jruby.runtime.ThreadContext;
import org.jruby.runtime.builtin.IRubyObject;

/** A failure's {@code retry_after}: seconds, or a moment, in the forms that applications and the services that they call use. */
final class RetryAfter {

  private static final Pattern NUMBER = Pattern.compile("[+-]?[0-9]+(\\.[0-9]+)?([eE][+-]?[0-9]+)?");
  private static final int MAX_SHOWN = 100;

  /** An HTTP date has no fractions of seconds, so one that has just arrived may seem to be over. */
  private static final double JUST_NOW_S = -1;

  private final ThreadContext context;

  RetryAfter(ThreadContext context) {
    this.context = context;
  }

  /**
   * Seconds from now on.
   *
   * @throws Refusal for a value that is neither, or that has no meaning as a delay
   */
  double seconds(IRubyObject value) {
    if (value instanceof RubyString) {
      return ofText(text(value));
    } else if (value instanceof RubyNumeric || RubyTypes.isA(value, "ActiveSupport::Duration")) {
      double seconds = number(value);
      return ofNumber(seconds, seconds);
    }
    Instant moment = moment(value);
    return untilMoment(moment, moment);
  }

  private double ofText(String text) {
    String shown = '"' + Excerpt.of(text, MAX_SHOWN) + '"';
    String stripped = text.strip();
    if (NUMBER.matcher(stripped).matches()) {
      return ofNumber(Double.parseDouble(stripped), shown);
    }
    Instant moment = Moments.parse(stripped);
    if (moment == null) {
      throw new Refusal(
          "is " + shown + ", which is neither a number of seconds, nor ISO 8601 with its offset from UTC, nor an HTTP date");
    }
    return untilMoment(moment, shown);
  }

  private static double ofNumber(double seconds, Object shown) {
    if (!Double.isFinite(seconds)) {
      throw new Refusal("is " + shown + ", which has no end");
    } else if (seconds < 0) {
      throw new Refusal("is " + shown + ", which is less than nothing");
    }
    return seconds;
  }

  private double untilMoment(Instant moment, Object shown) {
    double seconds = (moment.toEpochMilli() - now().toEpochMilli()) / 1000.0;
    if (seconds < JUST_NOW_S) {
      throw new Refusal("is " + shown + ", which is over");
    }
    return Math.max(0, seconds);
  }

  /** The time that Ruby has: a test of the application may have moved it, and the application computes with it. */
  private Instant now() {
    return instant(Conversion.of(context, context.runtime.getTime(), "now"), "Time.now");
  }

  /** A Time, or any object that can become one and names a time of day. */
  private Instant moment(IRubyObject value) {
    boolean wholeDay = RubyTypes.isA(value, "Date") && !RubyTypes.isA(value, "DateTime");
    if (!(value instanceof RubyTime) && (wholeDay || value.getMetaClass().searchMethod("to_time").isUndefined())) {
      throw new Refusal("is an instance of " + RubyTypes.nameOf(value) + ", which is neither a number of seconds nor a time");
    }
    return instant(value instanceof RubyTime ? value : Conversion.of(context, value, "to_time"), RubyTypes.nameOf(value));
  }

  private static Instant instant(IRubyObject time, String from) {
    if (time instanceof RubyTime ruby) {
      return Instant.ofEpochMilli(ruby.getDateTime().getMillis());
    }
    throw new Refusal("is of " + from + ", which gave an instance of " + RubyTypes.nameOf(time) + " for a time");
  }

  private double number(IRubyObject value) {
    if (Conversion.of(context, value, "to_f") instanceof RubyFloat number) {
      return number.getValue();
    }
    throw new Refusal("is an instance of " + RubyTypes.nameOf(value) + ", whose to_f is no Float");
  }

  private String text(IRubyObject value) {
    try {
      return ValueWriter.text(context, value, "");
    } catch (TaskerException.Validation unreadable) {
      throw new Refusal("is a String that cannot be read: " + unreadable.violations().get(0).message());
    }
  }
}
