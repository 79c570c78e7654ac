package io.taskercore.jruby;

import io.taskercore.engine.Operators;
import io.taskercore.model.Json;
import org.jruby.anno.JRubyMethod;
import org.jruby.runtime.ThreadContext;
import org.jruby.runtime.builtin.IRubyObject;

/** Decisions of people, as methods of {@link CoordinatorHandle}. */
public final class OperatorMethods {

  private OperatorMethods() {}

  @JRubyMethod(name = "cancel_task")
  public static IRubyObject cancelTask(ThreadContext context, IRubyObject self, IRubyObject taskId, IRubyObject reason) {
    return decide(context, self, taskId, reason, Operators::cancelTask);
  }

  @JRubyMethod(name = "retry_step")
  public static IRubyObject retryStep(ThreadContext context, IRubyObject self, IRubyObject stepId) {
    CoordinatorHandle handle = CoordinatorHandle.of(self);
    return handle.guarded(
        context,
        () -> {
          long id = Arguments.stepId(stepId);
          return handle.answer(context, () -> handle.coordinator().operators().retryStep(id));
        });
  }

  @JRubyMethod(name = "retry_task")
  public static IRubyObject retryTask(ThreadContext context, IRubyObject self, IRubyObject taskId) {
    CoordinatorHandle handle = CoordinatorHandle.of(self);
    return handle.guarded(
        context,
        () -> {
          long id = Arguments.taskId(taskId);
          return handle.answer(context, () -> handle.coordinator().operators().retryTask(id));
        });
  }

  @JRubyMethod(name = "retry_tasks")
  public static IRubyObject retryTasks(ThreadContext context, IRubyObject self, IRubyObject filter) {
    CoordinatorHandle handle = CoordinatorHandle.of(self);
    return handle.guarded(
        context,
        () -> {
          Json json = ValueWriter.write(context, Arguments.hash(context, "filter", filter), "", ValueWriter.MAX_DOCUMENT_BYTES);
          return handle.answer(context, () -> handle.coordinator().operators().retryTasks(json));
        });
  }

  @JRubyMethod(name = "resolve_step")
  public static IRubyObject resolveStep(
      ThreadContext context, IRubyObject self, IRubyObject stepId, IRubyObject reason, IRubyObject result) {
    CoordinatorHandle handle = CoordinatorHandle.of(self);
    return handle.guarded(
        context,
        () -> {
          long id = Arguments.stepId(stepId);
          String why = Arguments.text(context, "reason", reason);
          Json json = result.isNil()
              ? null
              : ValueWriter.write(context, Arguments.hash(context, "result", result), "result", handle.maxPayloadBytes());
          return handle.answer(context, () -> handle.coordinator().operators().resolveStep(id, why, json));
        });
  }

  @JRubyMethod(name = "resolve_task")
  public static IRubyObject resolveTask(ThreadContext context, IRubyObject self, IRubyObject taskId, IRubyObject reason) {
    return decide(context, self, taskId, reason, Operators::resolveTask);
  }

  private interface Decision {
    Json on(Operators operators, long taskId, String reason);
  }

  private static IRubyObject decide(
      ThreadContext context, IRubyObject self, IRubyObject taskId, IRubyObject reason, Decision decision) {
    CoordinatorHandle handle = CoordinatorHandle.of(self);
    return handle.guarded(
        context,
        () -> {
          long id = Arguments.taskId(taskId);
          String why = Arguments.text(context, "reason", reason);
          return handle.answer(context, () -> decision.on(handle.coordinator().operators(), id, why));
        });
  }
}
