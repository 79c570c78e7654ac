package io.taskercore.jruby;

import io.taskercore.model.Json;
import io.taskercore.model.TaskerException;
import java.sql.Connection;
import java.util.function.Function;
import org.jruby.RubyBignum;
import org.jruby.RubyFixnum;
import org.jruby.RubyFloat;
import org.jruby.RubyHash;
import org.jruby.RubyString;
import org.jruby.RubySymbol;
import org.jruby.runtime.ThreadContext;
import org.jruby.runtime.builtin.IRubyObject;

/** The arguments of methods, checked and in Java's types. */
final class Arguments {

  /** A hundred years: a caller who waits longer than that waits for ever. */
  private static final long LONGEST_WAIT_MS = 100L * 365 * 24 * 3600 * 1000;

  private Arguments() {}

  static long taskId(IRubyObject id) {
    return id("task_id", id, TaskerException.TaskNotFound::new);
  }

  static long stepId(IRubyObject id) {
    return id("step_id", id, TaskerException.StepNotFound::new);
  }

  private static long id(String name, IRubyObject id, Function<Object, TaskerException> notFound) {
    if (id instanceof RubyFixnum fixnum) {
      return fixnum.getLongValue();
    } else if (id instanceof RubyBignum bignum) {
      throw notFound.apply(bignum.getValue());
    }
    throw new InvalidType(name, "an Integer", id);
  }

  /** A Hash, or a coordinator's Result, which may be given wherever a Hash may. */
  static RubyHash hash(ThreadContext context, String name, IRubyObject value) {
    IRubyObject given = RubyTypes.isA(value, "TaskerCore::Result") ? values(context, name, value) : value;
    if (given instanceof RubyHash hash) {
      return hash;
    }
    throw new InvalidType(name, "a Hash", value);
  }

  private static IRubyObject values(ThreadContext context, String name, IRubyObject result) {
    try {
      return Conversion.of(context, result, "to_h");
    } catch (Refusal refusal) {
      throw refusal.at(name);
    }
  }

  /** The {@code step_id} of a Hash, such as a step in a task context. */
  static long stepIdIn(ThreadContext context, String name, IRubyObject value) {
    RubyHash hash = hash(context, name, value);
    IRubyObject id = hash.fastARef(RubyString.newUTF8String(context.runtime, "step_id"));
    if (id == null) {
      id = hash.fastARef(context.runtime.newSymbol("step_id"));
    }
    if (id instanceof RubyFixnum || id instanceof RubyBignum) {
      return stepId(id);
    }
    String problem = id == null ? "is required" : "must be an Integer, not an instance of " + RubyTypes.nameOf(id);
    throw new TaskerException.Validation("step_id", problem);
  }

  /** A Hash of settings. A value that cannot be written as JSON is refused as a setting. */
  static Json configuration(ThreadContext context, String name, IRubyObject value) {
    try {
      return ValueWriter.write(context, hash(context, name, value), "", ValueWriter.MAX_DOCUMENT_BYTES);
    } catch (TaskerException.Validation refusal) {
      throw new TaskerException.Configuration(refusal.getMessage());
    }
  }

  /** Text that the database can store. */
  static String text(ThreadContext context, String name, IRubyObject value) {
    if (!(value instanceof RubyString || value instanceof RubySymbol)) {
      throw new InvalidType(name, "a String", value);
    }
    return ValueWriter.text(context, value, name);
  }

  /** Null for nil. */
  static Long milliseconds(String name, IRubyObject value) {
    if (value.isNil()) {
      return null;
    }
    double milliseconds;
    if (value instanceof RubyFixnum fixnum) {
      milliseconds = fixnum.getLongValue();
    } else if (value instanceof RubyFloat number) {
      milliseconds = number.getValue();
    } else if (value instanceof RubyBignum bignum) {
      milliseconds = bignum.getValue().doubleValue();
    } else {
      throw new InvalidType(name, "a number or nil", value);
    }
    if (!(milliseconds >= 0)) {
      throw new TaskerException.Validation(name, "must be 0 or more milliseconds, or nil to wait for the end");
    }
    return (long) Math.min(milliseconds, LONGEST_WAIT_MS);
  }

  /** Null for nil. */
  static Connection connection(IRubyObject value) {
    if (value.isNil()) {
      return null;
    }
    if (value.getJavaClass() != null && Connection.class.isAssignableFrom(value.getJavaClass())) {
      return value.toJava(Connection.class);
    }
    throw new InvalidType("connection", "a java.sql.Connection", value);
  }
}
