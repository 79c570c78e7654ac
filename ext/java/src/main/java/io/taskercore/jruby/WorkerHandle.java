package io.taskercore.jruby;

import io.taskercore.engine.run.Worker;
import java.util.Set;
import org.jruby.RubyClass;
import org.jruby.RubyObject;
import org.jruby.anno.JRubyClass;
import org.jruby.anno.JRubyMethod;
import org.jruby.runtime.ThreadContext;
import org.jruby.runtime.builtin.IRubyObject;

/**
 * {@code TaskerCore::Native::Worker}: a worker of the core as Ruby holds it.
 *
 * <p>Its supervisor, a Ruby thread inside {@link #oversee}, refers to it and to its coordinator's handle until the worker has stopped. So
 * nobody else need refer to a running worker, and its coordinator is not collected while it runs.
 */
@JRubyClass(name = "TaskerCore::Native::Worker")
public final class WorkerHandle extends RubyObject {

  private static final long serialVersionUID = 1L;

  private final transient RuntimeState state;
  private final transient CoordinatorHandle coordinator;
  private final transient Worker worker;

  WorkerHandle(RubyClass rubyClass, RuntimeState state, CoordinatorHandle coordinator, Worker worker) {
    super(rubyClass.getRuntime(), rubyClass);
    this.state = state;
    this.coordinator = coordinator;
    this.worker = worker;
  }

  /** {@code oversee}: the whole life of the supervisor; returns when the worker has stopped. */
  @JRubyMethod
  public IRubyObject oversee(ThreadContext context) {
    return state.guard().run(
        context,
        () -> {
          SlotLease.disinherit();
          while (true) {
            switch (CoreCall.await(context, worker::await)) {
              case START_THREADS -> state.startHandlerThreads(context);
              case RESOLVE_HANDLERS -> resolveHandlers(context, worker.handlerNames());
              case END -> {
                return context.nil;
              }
            }
          }
        });
  }

  /** Looks for all of them, including those that were found before: their code may have gone, or have come back. */
  private void resolveHandlers(ThreadContext context, Set<String> names) {
    try {
      names.forEach(name -> resolveHandler(context, name));
    } finally {
      worker.handlersResolved();
    }
  }

  /** If the code of one handler is broken, in whatever way, the others are still looked for. */
  private void resolveHandler(ThreadContext context, String name) {
    try {
      coordinator.find(context, name);
    } catch (Throwable failure) {
      if (RubyErrors.isEndOfThread(failure)) {
        throw failure;
      }
      state.log().writeRegardless(context, "error", "the handler " + name + " was not looked for to the end: " + failure);
    }
  }

  /** {@code stop(timeout_ms)}: true if every handler ended by itself; nil means the configuration's time-out. */
  @JRubyMethod
  public IRubyObject stop(ThreadContext context, IRubyObject timeoutMs) {
    return state.guard().run(
        context,
        () -> {
          Long given = Arguments.milliseconds("timeout_ms", timeoutMs);
          long limitMs = given == null ? coordinator.shutdownTimeoutMs() : given;
          if (coordinator.runs(context)) {
            // A handler that waited for its worker's end would wait for its own.
            worker.quiet();
            CoreCall.inBackground(() -> worker.stop(limitMs));
            return context.fals;
          }
          return context.runtime.newBoolean(CoreCall.run(context, () -> worker.stop(limitMs)));
        });
  }

  @JRubyMethod
  public IRubyObject quiet(ThreadContext context) {
    worker.quiet();
    return context.nil;
  }

  /** {@code wait(timeout_ms)}: whether the worker has stopped; nil waits for as long as it takes. */
  @JRubyMethod(name = "wait")
  public IRubyObject await(ThreadContext context, IRubyObject timeoutMs) {
    return state.guard().run(
        context,
        () -> {
          Long limitMs = Arguments.milliseconds("timeout_ms", timeoutMs);
          return context.runtime.newBoolean(CoreCall.await(context, () -> worker.awaitEnd(limitMs)));
        });
  }

  @JRubyMethod(name = "running?")
  public IRubyObject isRunning(ThreadContext context) {
    return context.runtime.newBoolean(worker.isRunning());
  }

  @JRubyMethod(name = "stopped?")
  public IRubyObject isStopped(ThreadContext context) {
    return context.runtime.newBoolean(worker.isStopped());
  }

  @JRubyMethod
  public IRubyObject stats(ThreadContext context) {
    return state.guard().run(context, () -> ValueReader.read(context, worker.stats()));
  }
}
