package io.taskercore.jruby;

import io.taskercore.engine.run.StepRun;
import io.taskercore.engine.run.TaskRun;
import io.taskercore.model.Json;
import io.taskercore.model.TaskerException;
import java.sql.Connection;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.jruby.RubyArray;
import org.jruby.RubyHash;
import org.jruby.anno.JRubyMethod;
import org.jruby.runtime.ThreadContext;
import org.jruby.runtime.builtin.IRubyObject;

/** What an application does with tasks, as methods of {@link CoordinatorHandle}. */
public final class TaskMethods {

  private TaskMethods() {}

  @JRubyMethod(name = "register_template")
  public static IRubyObject registerTemplate(ThreadContext context, IRubyObject self, IRubyObject template) {
    CoordinatorHandle handle = CoordinatorHandle.of(self);
    return handle.guarded(
        context,
        () -> {
          Json document = ValueWriter.write(context, Arguments.hash(context, "template", template), "", ValueWriter.MAX_DOCUMENT_BYTES);
          return handle.answer(context, () -> handle.coordinator().tasks().registerTemplate(document));
        });
  }

  @JRubyMethod(name = "initialize_task")
  public static IRubyObject initializeTask(ThreadContext context, IRubyObject self, IRubyObject request, IRubyObject connection) {
    CoordinatorHandle handle = CoordinatorHandle.of(self);
    return handle.guarded(
        context,
        () -> {
          Json json = ValueWriter.writeRequest(context, Arguments.hash(context, "request", request), "", handle.maxPayloadBytes());
          Connection given = Arguments.connection(connection);
          // A connection belongs to the thread that uses it, so work on it stays on this thread.
          return given == null
              ? handle.answer(context, () -> handle.coordinator().tasks().initializeTask(json))
              : ValueReader.read(context, CoreCall.here(() -> handle.coordinator().tasks().initializeTask(json, given)));
        });
  }

  @JRubyMethod(name = "initialize_tasks")
  public static IRubyObject initializeTasks(ThreadContext context, IRubyObject self, IRubyObject requests, IRubyObject connection) {
    CoordinatorHandle handle = CoordinatorHandle.of(self);
    return handle.guarded(
        context,
        () -> {
          List<Json> jsons = requests(handle, context, requests);
          Connection given = Arguments.connection(connection);
          return given == null
              ? handle.answer(context, () -> handle.coordinator().tasks().initializeTasks(jsons))
              : ValueReader.read(context, CoreCall.here(() -> handle.coordinator().tasks().initializeTasks(jsons, given)));
        });
  }

  private static List<Json> requests(CoordinatorHandle handle, ThreadContext context, IRubyObject requests) {
    if (!(requests instanceof RubyArray<?> array)) {
      throw new InvalidType("requests", "an Array of Hashes", requests);
    }
    List<Json> jsons = new ArrayList<>(array.getLength());
    for (int i = 0; i < array.getLength(); i++) {
      String place = "[" + i + "]";
      jsons.add(ValueWriter.writeRequest(context, request(context, place, array.eltOk(i)), place, handle.maxPayloadBytes()));
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

  /** {@code refuse_transaction(connection)}: raises if a transaction is under way. */
  @JRubyMethod(name = "refuse_transaction")
  public static IRubyObject refuseTransaction(ThreadContext context, IRubyObject self, IRubyObject connection) {
    CoordinatorHandle handle = CoordinatorHandle.of(self);
    return handle.guarded(
        context,
        () -> {
          Connection given = Arguments.connection(connection);
          if (given != null) {
            CoreCall.here(
                () -> {
                  handle.coordinator().tasks().refuseTransaction(given);
                  return null;
                });
          }
          return context.nil;
        });
  }

  /** {@code seen_by(connection, task_ids)}: for tests alone. */
  @JRubyMethod(name = "seen_by")
  public static IRubyObject seenBy(ThreadContext context, IRubyObject self, IRubyObject connection, IRubyObject taskIds) {
    CoordinatorHandle handle = CoordinatorHandle.of(self);
    return handle.guarded(
        context,
        () -> {
          Connection given = Arguments.connection(connection);
          List<Long> ids = new ArrayList<>();
          RubyArray<?> array = taskIds.convertToArray();
          for (int i = 0; i < array.getLength(); i++) {
            ids.add(Arguments.taskId(array.eltOk(i)));
          }
          return ValueReader.read(context, CoreCall.here(() -> handle.coordinator().tasks().seenBy(given, ids)));
        });
  }

  @JRubyMethod(name = "orchestrate_task")
  public static IRubyObject orchestrateTask(ThreadContext context, IRubyObject self, IRubyObject taskId, IRubyObject timeoutMs) {
    CoordinatorHandle handle = CoordinatorHandle.of(self);
    return handle.guarded(
        context, () -> orchestrate(handle, context, Arguments.taskId(taskId), Arguments.milliseconds("timeout_ms", timeoutMs)));
  }

  /** {@code handle_task(request, timeout_ms)}: creates the task and begins it in one transaction, then runs it. */
  @JRubyMethod(name = "handle_task")
  public static IRubyObject handleTask(ThreadContext context, IRubyObject self, IRubyObject request, IRubyObject timeoutMs) {
    CoordinatorHandle handle = CoordinatorHandle.of(self);
    return handle.guarded(
        context,
        () -> {
          Json json = ValueWriter.writeRequest(context, Arguments.hash(context, "request", request), "", handle.maxPayloadBytes());
          Long atMostMs = Arguments.milliseconds("timeout_ms", timeoutMs);
          return run(handle, context, () -> handle.coordinator().tasks().handle(json, atMostMs));
        });
  }

  private static IRubyObject orchestrate(CoordinatorHandle handle, ThreadContext context, long taskId, Long timeoutMs) throws Exception {
    return run(handle, context, () -> handle.coordinator().tasks().orchestrate(taskId, timeoutMs));
  }

  /** Handlers are looked for here, on a thread of Ruby, because that may load code. */
  private static IRubyObject run(CoordinatorHandle handle, ThreadContext context, Supplier<TaskRun> begin) throws Exception {
    SlotLease lent = SlotLease.lend(context);
    try (TaskRun run = begin.get()) {
      while (!CoreCall.await(context, run::await)) {
        run.seekHandlers(name -> handle.find(context, name));
        handle.state().startHandlerThreads(context);
      }
      return ValueReader.read(context, run.outcome());
    } finally {
      SlotLease.reclaim(lent);
    }
  }

  /** {@code execute_step(step)}: takes a Hash with {@code step_id}; its other keys do not matter. */
  @JRubyMethod(name = "execute_step")
  public static IRubyObject executeStep(ThreadContext context, IRubyObject self, IRubyObject step) {
    CoordinatorHandle handle = CoordinatorHandle.of(self);
    return handle.guarded(context, () -> execute(handle, context, Arguments.stepIdIn(context, "step", step)));
  }

  private static IRubyObject execute(CoordinatorHandle handle, ThreadContext context, long stepId) throws Exception {
    SlotLease lent = SlotLease.lend(context);
    try (StepRun run = CoreCall.run(context, () -> handle.coordinator().tasks().prepareStep(stepId), StepRun::close)) {
      if (!handle.known().has(run.handlerName())) {
        handle.find(context, run.handlerName());
      }
      CoreCall.run(
          context,
          () -> {
            run.start();
            return null;
          });
      while (!CoreCall.await(context, run::await)) {
        handle.state().startHandlerThreads(context);
      }
      return handle.answer(context, run::outcome);
    } finally {
      SlotLease.reclaim(lent);
    }
  }
}
