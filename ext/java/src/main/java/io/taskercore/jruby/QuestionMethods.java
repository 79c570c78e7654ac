package io.taskercore.jruby;

import io.taskercore.engine.Questions;
import io.taskercore.model.Json;
import org.jruby.anno.JRubyMethod;
import org.jruby.runtime.ThreadContext;
import org.jruby.runtime.builtin.IRubyObject;

/** Questions, as methods of {@link CoordinatorHandle}. */
public final class QuestionMethods {

  private QuestionMethods() {}

  @JRubyMethod
  public static IRubyObject health(ThreadContext context, IRubyObject self) {
    CoordinatorHandle handle = CoordinatorHandle.of(self);
    return handle.guarded(context, () -> handle.answer(context, handle.coordinator().questions()::health));
  }

  @JRubyMethod(name = "task_context")
  public static IRubyObject taskContext(ThreadContext context, IRubyObject self, IRubyObject taskId) {
    return about(context, self, taskId, Questions::taskContext);
  }

  /** {@code step_id(task_id, name)} */
  @JRubyMethod(name = "step_id")
  public static IRubyObject stepId(ThreadContext context, IRubyObject self, IRubyObject taskId, IRubyObject name) {
    CoordinatorHandle handle = CoordinatorHandle.of(self);
    return handle.guarded(
        context,
        () -> {
          long id = Arguments.taskId(taskId);
          String step = Arguments.text(context, "step", name);
          return context.runtime.newFixnum(CoreCall.run(context, () -> handle.coordinator().questions().stepId(id, step)));
        });
  }

  @JRubyMethod(name = "list_tasks")
  public static IRubyObject listTasks(ThreadContext context, IRubyObject self, IRubyObject filter) {
    CoordinatorHandle handle = CoordinatorHandle.of(self);
    return handle.guarded(
        context,
        () -> {
          Json json = ValueWriter.write(context, Arguments.hash(context, "filter", filter), "", ValueWriter.MAX_DOCUMENT_BYTES);
          return handle.answer(context, () -> handle.coordinator().questions().listTasks(json));
        });
  }

  @JRubyMethod
  public static IRubyObject explain(ThreadContext context, IRubyObject self, IRubyObject taskId) {
    return about(context, self, taskId, Questions::explain);
  }

  private interface Question {
    Json about(Questions questions, long taskId);
  }

  private static IRubyObject about(ThreadContext context, IRubyObject self, IRubyObject taskId, Question question) {
    CoordinatorHandle handle = CoordinatorHandle.of(self);
    return handle.guarded(
        context,
        () -> {
          long id = Arguments.taskId(taskId);
          return handle.answer(context, () -> question.about(handle.coordinator().questions(), id));
        });
  }

  /** {@code now}: the time of the tasks, in milliseconds since 1970. */
  @JRubyMethod
  public static IRubyObject now(ThreadContext context, IRubyObject self) {
    CoordinatorHandle handle = CoordinatorHandle.of(self);
    return handle.guarded(
        context, () -> context.runtime.newFixnum(CoreCall.run(context, () -> handle.coordinator().questions().now().toEpochMilli())));
  }

  @JRubyMethod(name = "performance_metrics")
  public static IRubyObject performanceMetrics(ThreadContext context, IRubyObject self) {
    CoordinatorHandle handle = CoordinatorHandle.of(self);
    return handle.guarded(context, () -> handle.answer(context, handle.coordinator().questions()::performanceMetrics));
  }
}
