package io.taskercore.jruby;

import io.taskercore.engine.attempt.Attempt;
import io.taskercore.engine.attempt.AttemptQueue;
import java.lang.ref.Cleaner;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import org.jruby.RubyClass;
import org.jruby.RubyModule;
import org.jruby.RubyString;
import org.jruby.runtime.ObjectAllocator;
import org.jruby.runtime.ThreadContext;
import org.jruby.runtime.builtin.IRubyObject;

/** What the bridge keeps for one Ruby runtime; it lives and dies with the module {@code TaskerCore::Native}. */
final class RuntimeState {

  private static final String VARIABLE = "tasker_core_state";
  private static final Cleaner CLEANER = Cleaner.create();

  private final RubyModule taskerCore;
  private final RubyClass coordinatorClass;
  private final RubyClass attemptClass;
  private final RubyClass workerClass;
  private final RubyClass subscriptionClass;
  private final RubyClass clockClass;
  private final RubyLog log;
  private final Guard guard;
  private final AttemptQueue attempts = new AttemptQueue();
  private final AttemptQueue virtualAttempts = new AttemptQueue();

  /** Null if nothing is around handlers. */
  private volatile HandlerWrap handlerWrap;

  private final LeakReport leaks = new LeakReport();
  private final RunningHandlers runningHandlers = new RunningHandlers();

  /** Coordinators that are not fully closed yet, for the end of the runtime. Their handles may already be garbage. */
  private final Set<CloseOnce> open = ConcurrentHashMap.newKeySet();

  private RuntimeState(RubyModule taskerCore, RubyModule nativeModule) {
    this.taskerCore = taskerCore;
    this.coordinatorClass = define(
        nativeModule, "Coordinator", CoordinatorHandle.class, TaskMethods.class, OperatorMethods.class, QuestionMethods.class,
        EventMethods.class, WorkerMethods.class);
    this.attemptClass = define(nativeModule, "Attempt", AttemptHandle.class);
    this.workerClass = define(nativeModule, "Worker", WorkerHandle.class);
    this.subscriptionClass = define(nativeModule, "Subscription", SubscriptionHandle.class);
    this.clockClass = define(nativeModule, "Clock", ClockHandle.class);
    this.log = new RubyLog(taskerCore);
    this.guard = new Guard(new RubyErrors(taskerCore, log, RubyText.of((RubyString) taskerCore.getConstant("LIBRARY_PATH"))));
  }

  static void attach(RubyModule nativeModule, RubyModule taskerCore) {
    nativeModule.setInternalVariable(VARIABLE, new RuntimeState(taskerCore, nativeModule));
  }

  static RuntimeState of(IRubyObject nativeModule) {
    return (RuntimeState) ((RubyModule) nativeModule).getInternalVariable(VARIABLE);
  }

  private static RubyClass define(RubyModule nativeModule, String name, Class<?>... methods) {
    RubyClass rubyClass =
        nativeModule.defineClassUnder(name, nativeModule.getRuntime().getObject(), ObjectAllocator.NOT_ALLOCATABLE_ALLOCATOR);
    for (Class<?> some : methods) {
      rubyClass.defineAnnotatedMethods(some);
    }
    return rubyClass;
  }

  RubyLog log() {
    return log;
  }

  Guard guard() {
    return guard;
  }

  /** Where handler threads of one kind find work. */
  AttemptQueue attempts(HandlerThreadKind kind) {
    return kind == HandlerThreadKind.VIRTUAL ? virtualAttempts : attempts;
  }

  HandlerWrap handlerWrap() {
    return handlerWrap;
  }

  RunningHandlers runningHandlers() {
    return runningHandlers;
  }

  void wrapHandlers(HandlerWrap wrap) {
    handlerWrap = wrap;
  }

  RubyClass coordinatorClass() {
    return coordinatorClass;
  }

  RubyClass workerClass() {
    return workerClass;
  }

  RubyClass subscriptionClass() {
    return subscriptionClass;
  }

  RubyClass clockClass() {
    return clockClass;
  }

  RubyClass errorClass(String name) {
    return (RubyClass) taskerCore.getConstant(name);
  }

  IRubyObject stepContext(ThreadContext context, Attempt attempt) {
    return taskerCore.getConstant("StepContext").callMethod(context, "new", new AttemptHandle(attemptClass, this, attempt));
  }

  /** The Hash as a Result, which the methods of the Ruby side return. */
  IRubyObject result(ThreadContext context, IRubyObject hash) {
    return taskerCore.getConstant("Result").callMethod(context, "new", hash);
  }

  /** Starts as many handler threads as the core is missing. */
  void startHandlerThreads(ThreadContext context) {
    startVirtualThreads();
    int missing = attempts.threadsToStart();
    try {
      IRubyObject threads = taskerCore.getConstant("HandlerThreads");
      for (; missing > 0; missing--) {
        threads.callMethod(context, "start");
      }
    } finally {
      attempts.notStarted(missing);
    }
  }

  private void startVirtualThreads() {
    int missing = virtualAttempts.threadsToStart();
    try {
      for (; missing > 0; missing--) {
        VirtualThreads.start(new VirtualHandlerThread(taskerCore.getRuntime(), this));
      }
    } finally {
      virtualAttempts.notStarted(missing);
    }
  }

  /** Starts the Ruby thread that does for the worker what only Ruby can do. */
  void startSupervisor(ThreadContext context, WorkerHandle worker) {
    taskerCore.getConstant("WorkerSupervisor").callMethod(context, "start", worker);
  }

  /** Starts the Ruby thread that calls the subscriber's block. */
  void startSubscriber(ThreadContext context, SubscriptionHandle subscription) {
    taskerCore.getConstant("SubscriberThread").callMethod(context, "start", subscription);
  }

  /** Makes sure that the coordinator is closed when its handle is dropped, and at the latest when the runtime ends. */
  void keep(CoordinatorHandle handle, CloseOnce closeOnce, String madeAt) {
    Set<CloseOnce> others = open;
    others.add(closeOnce);
    Cleaner.Cleanable cleanable = CLEANER.register(handle, new Dropped(closeOnce, leaks, madeAt));
    closeOnce.onEnd(
        () -> {
          others.remove(closeOnce);
          cleanable.clean();
        });
  }

  /** From here on this runtime's logger gets the core's messages. */
  void connectLog(ThreadContext context) {
    log.open();
    LogRelay.add(log);
    LogRelay.wanted(log.isDebugging(context), log.isInforming(context));
  }

  void disconnectLog(ThreadContext context) {
    LogRelay.flush(context, log);
    LogRelay.remove(log);
    log.close();
  }

  /** All close at the same time, because each may wait for its handlers. */
  void closeAll() {
    List<CompletableFuture<Void>> closing =
        open.stream().map(closeOnce -> CompletableFuture.runAsync(closeOnce::close, CoreCall::inBackground)).toList();
    for (CompletableFuture<Void> one : closing) {
      try {
        one.join();
      } catch (CompletionException failure) {
        LogRelay.pass("warn", "a coordinator was not closed to the end: " + failure.getCause().getMessage());
      }
    }
  }

  /** Runs when a handle was collected. Knows neither the handle nor the runtime. Closing may block, so it happens elsewhere. */
  private record Dropped(CloseOnce closeOnce, LeakReport leaks, String madeAt) implements Runnable {
    @Override
    public void run() {
      if (!closeOnce.closed()) {
        leaks.dropped(madeAt);
        closeOnce.closeInBackground();
      }
    }
  }
}
