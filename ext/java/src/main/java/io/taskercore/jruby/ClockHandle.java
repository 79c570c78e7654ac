package io.taskercore.jruby;

import io.taskercore.engine.clock.TestClock;
import io.taskercore.model.TaskerException;
import org.jruby.RubyClass;
import org.jruby.RubyObject;
import org.jruby.anno.JRubyClass;
import org.jruby.anno.JRubyMethod;
import org.jruby.runtime.ThreadContext;
import org.jruby.runtime.builtin.IRubyObject;

/** {@code TaskerCore::Native::Clock}: a clock that tests move. */
@JRubyClass(name = "TaskerCore::Native::Clock")
public final class ClockHandle extends RubyObject {

  private static final long serialVersionUID = 1L;

  private final transient RuntimeState state;
  private final transient TestClock clock = new TestClock();

  ClockHandle(RubyClass rubyClass, RuntimeState state) {
    super(rubyClass.getRuntime(), rubyClass);
    this.state = state;
  }

  TestClock clock() {
    return clock;
  }

  static TestClock of(IRubyObject value) {
    if (value instanceof ClockHandle handle) {
      return handle.clock;
    }
    throw new InvalidType("clock", "a TaskerCore::Native::Clock", value);
  }

  /** {@code advance(milliseconds)}: what becomes due meanwhile happens at once. */
  @JRubyMethod
  public IRubyObject advance(ThreadContext context, IRubyObject milliseconds) {
    return state.guard().run(
        context,
        () -> {
          Long ms = Arguments.milliseconds("milliseconds", milliseconds);
          if (ms == null) {
            throw new TaskerException.Validation("milliseconds", "is required");
          }
          // Not on this thread: if a handler lets its own time run out, it must be interrupted during this very call.
          CoreCall.run(
              context,
              () -> {
                clock.advance(ms);
                return null;
              });
          return context.nil;
        });
  }

  /** {@code rewind}: back to real time, for when nothing is going on. */
  @JRubyMethod
  public IRubyObject rewind(ThreadContext context) {
    clock.rewind();
    return context.nil;
  }

  /** {@code offset_ms}: how far it is ahead of real time. */
  @JRubyMethod(name = "offset_ms")
  public IRubyObject offsetMs(ThreadContext context) {
    return context.runtime.newFixnum(clock.offsetMs());
  }
}
