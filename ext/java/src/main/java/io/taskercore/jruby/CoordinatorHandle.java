package io.taskercore.jruby;

import io.taskercore.config.OrchestrationConfig;
import io.taskercore.engine.Coordinator;
import io.taskercore.engine.attempt.AttemptQueue;
import io.taskercore.engine.clock.CoreClock;
import io.taskercore.engine.run.StepRun;
import io.taskercore.engine.run.TaskRun;
import io.taskercore.engine.run.Worker;
import io.taskercore.engine.run.WorkerOptions;
import io.taskercore.event.Subscription;
import io.taskercore.model.Json;
import io.taskercore.model.TaskerException;
import java.lang.ref.Reference;
import java.sql.Connection;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;
import org.jruby.RubyArray;
import org.jruby.RubyClass;
import org.jruby.RubyHash;
import org.jruby.RubyObject;
import org.jruby.RubyProc;
import org.jruby.RubyString;
import org.jruby.anno.JRubyClass;
import org.jruby.anno.JRubyMethod;
import org.jruby.runtime.ThreadContext;
import org.jruby.runtime.builtin.IRubyObject;

/**
 * {@code TaskerCore::Native::Coordinator}: a coordinator of the core as Ruby holds it.
 *
 * <p>Its life: {@code Native.open} makes it; {@code close} ends it, or the {@link CloseOnce} does once Ruby has dropped it, or the
 * runtime at its end. Nothing else refers to it strongly, except an attempt that is running one of its handlers.
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

  /** The blocks that hear of events. */
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

  /** @param madeAt the line of the application's that asked for it */
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

  /** The handler for a name: something with {@code call}, or a class of such; null if there is none. */
  IRubyObject find(ThreadContext context, String handler) {
    IRubyObject found = registry.callMethod(context, "find", RubyString.newUTF8String(context.runtime, handler));
    if (found.isNil()) {
      known.remove(handler);
      return null;
    }
    known.add(handler);
    return found;
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

  @JRubyMethod(name = "add_handler")
  public IRubyObject addHandler(ThreadContext context, IRubyObject name) {
    return guarded(
        context,
        () -> {
          known.add(Arguments.text(context, "name", name));
          coordinator.handlersCame();
          return context.nil;
        });
  }

  @JRubyMethod(name = "register_template")
  public IRubyObject registerTemplate(ThreadContext context, IRubyObject template) {
    return guarded(
        context,
        () -> {
          Json document = ValueWriter.write(context, Arguments.hash(context, "template", template), "", ValueWriter.MAX_DOCUMENT_BYTES);
          return answer(context, () -> coordinator.registerTemplate(document));
        });
  }

  @JRubyMethod(name = "initialize_task")
  public IRubyObject initializeTask(ThreadContext context, IRubyObject request, IRubyObject connection) {
    return guarded(
        context,
        () -> {
          Json json = ValueWriter.writeRequest(context, Arguments.hash(context, "request", request), "", maxPayloadBytes());
          Connection given = Arguments.connection(connection);
          // A connection belongs to the thread that uses it, so its work stays on this one.
          return given == null
              ? answer(context, () -> coordinator.initializeTask(json))
              : ValueReader.read(context, CoreCall.here(() -> coordinator.initializeTask(json, given)));
        });
  }

  @JRubyMethod(name = "initialize_tasks")
  public IRubyObject initializeTasks(ThreadContext context, IRubyObject requests, IRubyObject connection) {
    return guarded(
        context,
        () -> {
          List<Json> jsons = requests(context, requests);
          Connection given = Arguments.connection(connection);
          return given == null
              ? answer(context, () -> coordinator.initializeTasks(jsons))
              : ValueReader.read(context, CoreCall.here(() -> coordinator.initializeTasks(jsons, given)));
        });
  }

  private List<Json> requests(ThreadContext context, IRubyObject requests) {
    if (!(requests instanceof RubyArray<?> array)) {
      throw new InvalidType("requests", "an Array of Hashes", requests);
    }
    List<Json> jsons = new ArrayList<>(array.getLength());
    for (int i = 0; i < array.getLength(); i++) {
      String place = "[" + i + "]";
      jsons.add(ValueWriter.writeRequest(context, request(context, place, array.eltOk(i)), place, maxPayloadBytes()));
    }
    return jsons;
  }

  private static RubyHash request(ThreadContext context, String place, IRubyObject request) {
    try {
      return Arguments.hash(context, place, request);
    } catch (InvalidType other) {
      throw new TaskerException.Validation(place, "must be a Hash, not an instance of " + RubyTypes.nameOf(request));
    }
  }

  /** {@code refuse_transaction(connection)}: raises where one is under way. */
  @JRubyMethod(name = "refuse_transaction")
  public IRubyObject refuseTransaction(ThreadContext context, IRubyObject connection) {
    return guarded(
        context,
        () -> {
          Connection given = Arguments.connection(connection);
          if (given != null) {
            CoreCall.here(
                () -> {
                  coordinator.refuseTransaction(given);
                  return null;
                });
          }
          return context.nil;
        });
  }

  @JRubyMethod(name = "orchestrate_task")
  public IRubyObject orchestrateTask(ThreadContext context, IRubyObject taskId, IRubyObject timeoutMs) {
    return guarded(
        context, () -> orchestrate(context, Arguments.taskId(taskId), Arguments.milliseconds("timeout_ms", timeoutMs)));
  }

  /** {@code handle_task(request)}: creates the task and begins it in one transaction, then runs it. */
  @JRubyMethod(name = "handle_task")
  public IRubyObject handleTask(ThreadContext context, IRubyObject request) {
    return guarded(
        context,
        () -> {
          Json json = ValueWriter.writeRequest(context, Arguments.hash(context, "request", request), "", maxPayloadBytes());
          return run(context, () -> coordinator.handle(json, null));
        });
  }

  private IRubyObject orchestrate(ThreadContext context, long taskId, Long timeoutMs) throws Exception {
    return run(context, () -> coordinator.orchestrate(taskId, timeoutMs));
  }

  /** Handlers are found here, on a thread of Ruby's, because that may load code. */
  private IRubyObject run(ThreadContext context, Supplier<TaskRun> begin) throws Exception {
    SlotLease lent = SlotLease.lend(context);
    try (TaskRun run = begin.get()) {
      while (!CoreCall.await(context, run::await)) {
        run.seekHandlers(name -> find(context, name));
        state.startHandlerThreads(context);
      }
      return ValueReader.read(context, run.outcome());
    } finally {
      SlotLease.reclaim(lent);
    }
  }

  /** {@code execute_step(step)}: a Hash with {@code step_id}; what else is in it does not matter. */
  @JRubyMethod(name = "execute_step")
  public IRubyObject executeStep(ThreadContext context, IRubyObject step) {
    return guarded(context, () -> execute(context, Arguments.stepIdIn(context, "step", step)));
  }

  private IRubyObject execute(ThreadContext context, long stepId) throws Exception {
    SlotLease lent = SlotLease.lend(context);
    try (StepRun run = CoreCall.run(context, () -> coordinator.prepareStep(stepId), StepRun::close)) {
      if (!known.has(run.handlerName())) {
        find(context, run.handlerName());
      }
      CoreCall.run(
          context,
          () -> {
            run.start();
            return null;
          });
      while (!CoreCall.await(context, run::await)) {
        state.startHandlerThreads(context);
      }
      return answer(context, run::outcome);
    } finally {
      SlotLease.reclaim(lent);
    }
  }

  /** {@code start_worker(options)}: a worker that has begun, and its supervisor with it. */
  @JRubyMethod(name = "start_worker")
  public IRubyObject startWorker(ThreadContext context, IRubyObject options) {
    return guarded(
        context,
        () -> {
          WorkerOptions checked = WorkerOptions.read(
              ValueWriter.write(context, Arguments.hash(context, "options", options), "", ValueWriter.MAX_DOCUMENT_BYTES));
          Worker worker = CoreCall.run(context, () -> coordinator.startWorker(checked), Worker::close);
          WorkerHandle handle = new WorkerHandle(state.workerClass(), state, this, worker);
          try {
            state.startSupervisor(context, handle);
          } catch (Throwable noThread) {
            CoreCall.inBackground(worker::close);
            throw noThread;
          }
          return handle;
        });
  }

  /** {@code reconfigure(changes)}: what can be changed at run time, as it is now. */
  @JRubyMethod
  public IRubyObject reconfigure(ThreadContext context, IRubyObject changes) {
    return guarded(
        context,
        () -> {
          Json json = Arguments.configuration(context, "changes", changes);
          return answer(context, () -> coordinator.reconfigure(json));
        });
  }

  @JRubyMethod
  public IRubyObject health(ThreadContext context) {
    return guarded(context, () -> answer(context, coordinator::health));
  }

  @JRubyMethod(name = "task_context")
  public IRubyObject taskContext(ThreadContext context, IRubyObject taskId) {
    return guarded(
        context,
        () -> {
          long id = Arguments.taskId(taskId);
          return answer(context, () -> coordinator.taskContext(id));
        });
  }

  @JRubyMethod(name = "list_tasks")
  public IRubyObject listTasks(ThreadContext context, IRubyObject filter) {
    return guarded(
        context,
        () -> {
          Json json = ValueWriter.write(context, Arguments.hash(context, "filter", filter), "", ValueWriter.MAX_DOCUMENT_BYTES);
          return answer(context, () -> coordinator.listTasks(json));
        });
  }

  @JRubyMethod(name = "cancel_task")
  public IRubyObject cancelTask(ThreadContext context, IRubyObject taskId, IRubyObject reason) {
    return guarded(
        context,
        () -> {
          long id = Arguments.taskId(taskId);
          String why = Arguments.text(context, "reason", reason);
          return answer(context, () -> coordinator.cancelTask(id, why));
        });
  }

  @JRubyMethod(name = "retry_step")
  public IRubyObject retryStep(ThreadContext context, IRubyObject stepId) {
    return guarded(
        context,
        () -> {
          long id = Arguments.stepId(stepId);
          return answer(context, () -> coordinator.retryStep(id));
        });
  }

  @JRubyMethod(name = "resolve_step")
  public IRubyObject resolveStep(ThreadContext context, IRubyObject stepId, IRubyObject reason, IRubyObject result) {
    return guarded(
        context,
        () -> {
          long id = Arguments.stepId(stepId);
          String why = Arguments.text(context, "reason", reason);
          Json json =
              result.isNil() ? null : ValueWriter.write(context, Arguments.hash(context, "result", result), "result", maxPayloadBytes());
          return answer(context, () -> coordinator.resolveStep(id, why, json));
        });
  }

  @JRubyMethod(name = "resolve_task")
  public IRubyObject resolveTask(ThreadContext context, IRubyObject taskId, IRubyObject reason) {
    return guarded(
        context,
        () -> {
          long id = Arguments.taskId(taskId);
          String why = Arguments.text(context, "reason", reason);
          return answer(context, () -> coordinator.resolveTask(id, why));
        });
  }

  @JRubyMethod
  public IRubyObject explain(ThreadContext context, IRubyObject taskId) {
    return guarded(
        context,
        () -> {
          long id = Arguments.taskId(taskId);
          return answer(context, () -> coordinator.explain(id));
        });
  }

  @JRubyMethod(name = "publish_event")
  public IRubyObject publishEvent(ThreadContext context, IRubyObject event) {
    return guarded(
        context,
        () -> {
          Json json = ValueWriter.writeEvent(context, Arguments.hash(context, "event", event), maxPayloadBytes());
          return ValueReader.read(context, coordinator.publishEvent(json));
        });
  }

  @JRubyMethod
  public IRubyObject subscribe(ThreadContext context, IRubyObject pattern, IRubyObject subscriber) {
    return guarded(
        context,
        () -> {
          String text = Arguments.text(context, "pattern", pattern);
          if (!(subscriber instanceof RubyProc)) {
            throw new InvalidType("subscriber", "a block", subscriber);
          }
          Subscription subscription = coordinator.subscribe(text);
          subscribers.put(subscription, subscriber);
          SubscriptionHandle handle = new SubscriptionHandle(state.subscriptionClass(), state, subscription, this);
          try {
            state.startSubscriber(context, handle);
          } catch (Throwable noThread) {
            coordinator.unsubscribe(subscription);
            forget(subscription);
            throw noThread;
          }
          return handle;
        });
  }

  @JRubyMethod
  public IRubyObject unsubscribe(ThreadContext context, IRubyObject subscription) {
    return guarded(
        context,
        () -> {
          if (!(subscription instanceof SubscriptionHandle handle)) {
            throw new InvalidType("subscription", "a TaskerCore::Subscription", subscription);
          }
          return context.runtime.newBoolean(coordinator.unsubscribe(handle.subscription()));
        });
  }

  IRubyObject subscriber(Subscription subscription) {
    return subscribers.get(subscription);
  }

  void forget(Subscription subscription) {
    subscribers.remove(subscription);
  }

  /** {@code now}: the time of the tasks, in milliseconds since 1970. */
  @JRubyMethod
  public IRubyObject now(ThreadContext context) {
    return guarded(
        context, () -> context.runtime.newFixnum(CoreCall.run(context, () -> coordinator.now().toEpochMilli())));
  }

  /** {@code erase(namespaces)}: removes all that is in them; for tests alone. */
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

  @JRubyMethod(name = "performance_metrics")
  public IRubyObject performanceMetrics(ThreadContext context) {
    return guarded(context, () -> answer(context, coordinator::performanceMetrics));
  }

  @JRubyMethod
  public IRubyObject close(ThreadContext context) {
    return state.guard().run(
        context,
        () -> {
          if (runs(context)) {
            // A handler of its own, for whose end it waits: so that goes on without the handler.
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

  private IRubyObject answer(ThreadContext context, Callable<Json> question) throws Exception {
    return ValueReader.read(context, CoreCall.run(context, question));
  }

  /** As {@link Guard#run}; and the handle cannot be collected, hence closed, under the call, which is counted. */
  private IRubyObject guarded(ThreadContext context, Guard.Body body) {
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
