package io.taskercore.jruby;

import io.taskercore.config.OrchestrationConfig;
import io.taskercore.engine.Coordinator;
import io.taskercore.engine.attempt.AttemptQueue;
import io.taskercore.engine.clock.CoreClock;
import io.taskercore.event.Subscription;
import io.taskercore.model.Json;
import io.taskercore.model.TaskerException;
import java.lang.ref.Reference;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import org.jruby.RubyArray;
import org.jruby.RubyClass;
import org.jruby.RubyObject;
import org.jruby.RubyString;
import org.jruby.anno.JRubyClass;
import org.jruby.anno.JRubyMethod;
import org.jruby.runtime.ThreadContext;
import org.jruby.runtime.builtin.IRubyObject;

/**
 * {@code TaskerCore::Native::Coordinator}: a coordinator of the core as Ruby holds it.
 *
 * <p>Its methods are in classes by who they are for: {@link TaskMethods}, {@link OperatorMethods}, {@link QuestionMethods},
 * {@link EventMethods}, {@link WorkerMethods}.
 *
 * <p>Its life: {@code Native.open} makes it. It ends by {@code close}, or the {@link CloseOnce} closes it after Ruby has dropped it, or
 * the runtime does so at its end. Nothing else refers to it strongly, except an attempt that runs one of its handlers, and the supervisor
 * of a running worker.
 */
@JRubyClass(name = "TaskerCore::Native::Coordinator")
public final class CoordinatorHandle extends RubyObject {

  private static final long serialVersionUID = 1L;

  private final transient RuntimeState state;
  private final transient CloseOnce closeOnce;
  private final transient Coordinator coordinator;
  private final transient KnownHandlers known;

  /** The Ruby object that turns names into handlers. */
  private final transient IRubyObject registry;

  /** The blocks that receive events. */
  private final transient Map<Subscription, IRubyObject> subscribers = new ConcurrentHashMap<>();

  private CoordinatorHandle(
      RubyClass rubyClass,
      RuntimeState state,
      CloseOnce closeOnce,
      KnownHandlers known,
      IRubyObject registry) {
    super(rubyClass.getRuntime(), rubyClass);
    this.state = state;
    this.closeOnce = closeOnce;
    this.coordinator = closeOnce.coordinator();
    this.known = known;
    this.registry = registry;
  }

  /** @param madeAt the line of the application that asked for it */
  static CoordinatorHandle open(
      ThreadContext context, RuntimeState state, OrchestrationConfig config, IRubyObject registry, CoreClock clock, String madeAt)
      throws Exception {
    state.connectLog(context);
    KnownHandlers known = new KnownHandlers();
    AttemptQueue attempts = state.attempts(HandlerThreadKind.of(config));
    CloseOnce closeOnce =
        CoreCall.run(context, () -> new CloseOnce(Coordinator.open(config, known, attempts, clock)), CloseOnce::close);
    CoordinatorHandle handle = new CoordinatorHandle(state.coordinatorClass(), state, closeOnce, known, registry);
    known.serve(handle);
    state.keep(handle, closeOnce, madeAt);
    return handle;
  }

  /** The handler for a name: an object with {@code call}, or a class whose instances have it; null if there is none. */
  IRubyObject find(ThreadContext context, String handler) {
    IRubyObject found = registry.callMethod(context, "find", RubyString.newUTF8String(context.runtime, handler));
    if (found.isNil()) {
      known.remove(handler);
      return null;
    }
    known.add(handler);
    return found;
  }

  /** The handle that a method was called on. */
  static CoordinatorHandle of(IRubyObject self) {
    return (CoordinatorHandle) self;
  }

  Coordinator coordinator() {
    return coordinator;
  }

  RuntimeState state() {
    return state;
  }

  KnownHandlers known() {
    return known;
  }

  int maxPayloadBytes() {
    return coordinator.config().maxPayloadBytes();
  }

  /** Whether the calling thread runs one of its handlers. */
  boolean runs(ThreadContext context) {
    return SlotLease.isOf(known, context);
  }

  long shutdownTimeoutMs() {
    return coordinator.config().shutdownTimeoutMs();
  }

  /** {@code reconfigure(changes)}: returns the settings that can be changed at run time, as they are now. */
  @JRubyMethod
  public IRubyObject reconfigure(ThreadContext context, IRubyObject changes) {
    return guarded(
        context,
        () -> {
          Json json = Arguments.configuration(context, "changes", changes);
          return answer(context, () -> coordinator.reconfigure(json));
        });
  }

  IRubyObject subscriber(Subscription subscription) {
    return subscribers.get(subscription);
  }

  void remember(Subscription subscription, IRubyObject subscriber) {
    subscribers.put(subscription, subscriber);
  }

  void forget(Subscription subscription) {
    subscribers.remove(subscription);
  }

  /** {@code erase(namespaces)}: removes everything in them; for tests only. */
  @JRubyMethod
  public IRubyObject erase(ThreadContext context, IRubyObject namespaces) {
    return guarded(
        context,
        () -> {
          List<String> names = new ArrayList<>();
          RubyArray<?> array = namespaces.convertToArray();
          for (int i = 0; i < array.getLength(); i++) {
            names.add(Arguments.text(context, "namespaces", array.eltOk(i)));
          }
          CoreCall.run(
              context,
              () -> {
                coordinator.erase(names);
                return null;
              });
          return context.nil;
        });
  }

  @JRubyMethod
  public IRubyObject close(ThreadContext context) {
    return state.guard().run(
        context,
        () -> {
          if (runs(context)) {
            // The close would wait for this handler, which is one of its own. So it goes on without waiting here.
            closeOnce.closeInBackground();
            return context.nil;
          }
          CoreCall.run(
              context,
              () -> {
                closeOnce.close();
                return null;
              });
          return context.nil;
        });
  }

  @JRubyMethod(name = "closed?")
  public IRubyObject isClosed(ThreadContext context) {
    return closeOnce.closed() ? context.tru : context.fals;
  }

  IRubyObject answer(ThreadContext context, Callable<Json> question) throws Exception {
    return ValueReader.read(context, CoreCall.run(context, question));
  }

  /** As {@link Guard#run}. In addition the handle cannot be collected, and so closed, during the call, and the call is counted. */
  IRubyObject guarded(ThreadContext context, Guard.Body body) {
    long began = System.nanoTime() - CoreCall.waitedNanos();
    try {
      return state.guard().run(
          context,
          () -> {
            if (closeOnce.closed()) {
              throw new TaskerException.Closed("The coordinator");
            }
            return body.run();
          });
    } finally {
      coordinator.metrics().bridgeCalled(System.nanoTime() - CoreCall.waitedNanos() - began);
      Reference.reachabilityFence(this);
    }
  }
}
