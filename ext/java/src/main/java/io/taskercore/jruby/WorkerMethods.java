package io.taskercore.jruby;

import io.taskercore.engine.run.Worker;
import io.taskercore.engine.run.WorkerOptions;
import org.jruby.anno.JRubyMethod;
import org.jruby.runtime.ThreadContext;
import org.jruby.runtime.builtin.IRubyObject;

/** Workers and their handlers, as methods of {@link CoordinatorHandle}. */
public final class WorkerMethods {

  private WorkerMethods() {}

  @JRubyMethod(name = "add_handler")
  public static IRubyObject addHandler(ThreadContext context, IRubyObject self, IRubyObject name) {
    CoordinatorHandle handle = CoordinatorHandle.of(self);
    return handle.guarded(
        context,
        () -> {
          handle.known().add(Arguments.text(context, "name", name));
          handle.coordinator().workers().handlersCame();
          return context.nil;
        });
  }

  @JRubyMethod(name = "stopping?")
  public static IRubyObject isStopping(ThreadContext context, IRubyObject self) {
    return context.runtime.newBoolean(CoordinatorHandle.of(self).coordinator().workers().areStopping());
  }

  /** {@code start_worker(options)}: starts a worker and its supervisor. */
  @JRubyMethod(name = "start_worker")
  public static IRubyObject startWorker(ThreadContext context, IRubyObject self, IRubyObject options) {
    CoordinatorHandle handle = CoordinatorHandle.of(self);
    return handle.guarded(
        context,
        () -> {
          WorkerOptions checked = WorkerOptions.read(
              ValueWriter.write(context, Arguments.hash(context, "options", options), "", ValueWriter.MAX_DOCUMENT_BYTES));
          Worker worker = CoreCall.run(context, () -> handle.coordinator().workers().startWorker(checked), Worker::close);
          WorkerHandle started = new WorkerHandle(handle.state().workerClass(), handle.state(), handle, worker);
          try {
            handle.state().startSupervisor(context, started);
          } catch (Throwable noThread) {
            CoreCall.inBackground(worker::close);
            throw noThread;
          }
          return started;
        });
  }
}
