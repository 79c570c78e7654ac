package io.taskercore.jruby;

import io.taskercore.engine.attempt.Attempt;
import io.taskercore.model.Json;
import java.time.Instant;
import java.util.Map;
import org.jruby.RubyArray;
import org.jruby.RubyClass;
import org.jruby.RubyHash;
import org.jruby.RubyObject;
import org.jruby.RubyString;
import org.jruby.RubyTime;
import org.jruby.anno.JRubyClass;
import org.jruby.anno.JRubyMethod;
import org.jruby.runtime.ThreadContext;
import org.jruby.runtime.builtin.IRubyObject;

/**
 * {@code TaskerCore::Native::Attempt}: the attempt that a handler's context reads from. Documents are parsed each time they are asked
 * for.
 */
@JRubyClass(name = "TaskerCore::Native::Attempt")
public final class AttemptHandle extends RubyObject {

  private static final long serialVersionUID = 1L;

  private final transient RuntimeState state;
  private final transient Attempt attempt;

  AttemptHandle(RubyClass rubyClass, RuntimeState state, Attempt attempt) {
    super(rubyClass.getRuntime(), rubyClass);
    this.state = state;
    this.attempt = attempt;
  }

  @JRubyMethod(name = "task_id")
  public IRubyObject taskId(ThreadContext context) {
    return context.runtime.newFixnum(attempt.taskId());
  }

  @JRubyMethod(name = "step_id")
  public IRubyObject stepId(ThreadContext context) {
    return context.runtime.newFixnum(attempt.stepId());
  }

  @JRubyMethod(name = "step_name")
  public IRubyObject stepName(ThreadContext context) {
    return text(context, attempt.stepName());
  }

  @JRubyMethod
  public IRubyObject namespace(ThreadContext context) {
    return text(context, attempt.namespace());
  }

  @JRubyMethod(name = "task_name")
  public IRubyObject taskName(ThreadContext context) {
    return text(context, attempt.taskName());
  }

  @JRubyMethod
  public IRubyObject payload(ThreadContext context) {
    return state.guard().run(context, () -> ValueReader.read(context, attempt.payload()));
  }

  @JRubyMethod
  public IRubyObject config(ThreadContext context) {
    return state.guard().run(context, () -> ValueReader.read(context, attempt.config()));
  }

  @JRubyMethod
  public IRubyObject results(ThreadContext context) {
    return state.guard().run(context, () -> parentResults(context));
  }

  private IRubyObject parentResults(ThreadContext context) {
    RubyHash results = RubyHash.newHash(context.runtime);
    for (Map.Entry<String, Json> parent : attempt.parentResults().entrySet()) {
      RubyString name = context.runtime.freezeAndDedupString(text(context, parent.getKey()));
      results.fastASet(name, ValueReader.read(context, parent.getValue()));
    }
    return results;
  }

  /** {@code result_of(name)}: the result of any ancestor; nil if there is no such ancestor. */
  @JRubyMethod(name = "result_of")
  public IRubyObject resultOf(ThreadContext context, IRubyObject name) {
    return state.guard().run(
        context,
        () -> {
          String ancestor = Arguments.text(context, "name", name);
          Json result = CoreCall.run(context, () -> attempt.resultOf(ancestor));
          return result == null ? context.nil : ValueReader.read(context, result);
        });
  }

  @JRubyMethod
  public IRubyObject ancestors(ThreadContext context) {
    RubyArray<?> names = context.runtime.newArray();
    attempt.ancestors().forEach(name -> names.append(text(context, name)));
    return names;
  }

  @JRubyMethod
  public IRubyObject crashes(ThreadContext context) {
    return context.runtime.newFixnum(attempt.crashes());
  }

  @JRubyMethod
  public IRubyObject number(ThreadContext context) {
    return context.runtime.newFixnum(attempt.attempt());
  }

  @JRubyMethod(name = "max_attempts")
  public IRubyObject maxAttempts(ThreadContext context) {
    return context.runtime.newFixnum(attempt.maxAttempts());
  }

  @JRubyMethod(name = "last?")
  public IRubyObject isLast(ThreadContext context) {
    return context.runtime.newBoolean(attempt.isLast());
  }

  @JRubyMethod(name = "correlation_id")
  public IRubyObject correlationId(ThreadContext context) {
    return text(context, attempt.correlationId());
  }

  @JRubyMethod(name = "idempotency_key")
  public IRubyObject idempotencyKey(ThreadContext context) {
    return text(context, attempt.idempotencyKey());
  }

  @JRubyMethod
  public IRubyObject deadline(ThreadContext context) {
    Instant deadline = attempt.deadline();
    return deadline == null ? context.nil : RubyTime.newTime(context.runtime, deadline.toEpochMilli());
  }

  @JRubyMethod(name = "cancelled?")
  public IRubyObject isCancelled(ThreadContext context) {
    return context.runtime.newBoolean(attempt.cancelled());
  }

  private static RubyString text(ThreadContext context, String text) {
    return RubyString.newUTF8String(context.runtime, text);
  }
}
