package io.taskercore.jruby;

import io.taskercore.config.ConfigKey;
import io.taskercore.config.OrchestrationConfig;
import io.taskercore.document.Suggestion;
import io.taskercore.engine.Coordinator;
import io.taskercore.engine.clock.CoreClock;
import io.taskercore.model.Json;
import io.taskercore.model.TaskerException;
import java.util.ArrayList;
import java.util.List;
import org.jcodings.specific.UTF8Encoding;
import org.jruby.RubyHash;
import org.jruby.RubyString;
import org.jruby.anno.JRubyMethod;
import org.jruby.anno.JRubyModule;
import org.jruby.runtime.ThreadContext;
import org.jruby.runtime.builtin.IRubyObject;
import org.jruby.util.ByteList;

/** The functions of {@code TaskerCore::Native}. */
@JRubyModule(name = "TaskerCore::Native")
public final class Functions {

  /** How long handlers that were interrupted may take to end before they count as deaf, in milliseconds. */
  private static final long GRACE_MS = 1_000;

  private Functions() {}

  /**
   * {@code open(config, registry, made_at)}: a new coordinator. The registry's {@code find(name)} gives it its handlers, and
   * {@code made_at} is the line of the application that asked for it.
   */
  @JRubyMethod(module = true)
  public static IRubyObject open(
      ThreadContext context, IRubyObject self, IRubyObject config, IRubyObject registry, IRubyObject madeAt) {
    RuntimeState state = RuntimeState.of(self);
    return state.guard().run(
        context,
        () -> CoordinatorHandle.open(
            context, state, configuration(context, config), registry, CoreClock.ACTUAL, RubyText.of(madeAt.convertToString())));
  }

  /** {@code open_on(clock, config, registry, made_at)}: the same on a clock that can be moved. */
  @JRubyMethod(name = "open_on", required = 4, module = true)
  public static IRubyObject openOn(ThreadContext context, IRubyObject self, IRubyObject[] arguments) {
    RuntimeState state = RuntimeState.of(self);
    return state.guard().run(
        context,
        () -> CoordinatorHandle.open(
            context, state, configuration(context, arguments[1]), arguments[2], ClockHandle.of(arguments[0]),
            RubyText.of(arguments[3].convertToString())));
  }

  /** {@code test_clock}: a new clock, at real time until it is moved. */
  @JRubyMethod(name = "test_clock", module = true)
  public static IRubyObject testClock(ThreadContext context, IRubyObject self) {
    RuntimeState state = RuntimeState.of(self);
    return new ClockHandle(state.clockClass(), state);
  }

  /** {@code migrate(config)}: creates or upgrades the schema. */
  @JRubyMethod(module = true)
  public static IRubyObject migrate(ThreadContext context, IRubyObject self, IRubyObject config) {
    return RuntimeState.of(self).guard().run(
        context,
        () -> {
          OrchestrationConfig checked = configuration(context, config);
          CoreCall.run(
              context,
              () -> {
                Coordinator.migrate(checked);
                return null;
              });
          return context.nil;
        });
  }

  /** {@code check_template(template, environment)}: what a template is, if all of it is right. */
  @JRubyMethod(name = "check_template", module = true)
  public static IRubyObject checkTemplate(ThreadContext context, IRubyObject self, IRubyObject template, IRubyObject environment) {
    return RuntimeState.of(self).guard().run(
        context,
        () -> {
          Json document = ValueWriter.write(context, Arguments.hash(context, "template", template), "", ValueWriter.MAX_DOCUMENT_BYTES);
          String name = Arguments.text(context, "environment", environment);
          return ValueReader.read(context, CoreCall.run(context, () -> Coordinator.checkTemplate(document, name)));
        });
  }

  /** {@code work}: the whole life of a handler thread. */
  @JRubyMethod(module = true)
  public static IRubyObject work(ThreadContext context, IRubyObject self) {
    RuntimeState state = RuntimeState.of(self);
    return state.guard().run(
        context,
        () -> {
          new HandlerLoop(context, state, state.attempts(HandlerThreadKind.PLATFORM)).run();
          return context.nil;
        });
  }

  /** {@code performance_metrics}: of the whole process. */
  @JRubyMethod(name = "performance_metrics", module = true)
  public static IRubyObject performanceMetrics(ThreadContext context, IRubyObject self) {
    return RuntimeState.of(self).guard().run(
        context, () -> ValueReader.read(context, CoreCall.run(context, () -> Coordinator.processMetrics().json())));
  }

  /** {@code prometheus}: the same in Prometheus's text format, from memory, so there is nothing to wait for. */
  @JRubyMethod(module = true)
  public static IRubyObject prometheus(ThreadContext context, IRubyObject self) {
    return RuntimeState.of(self).guard().run(
        context, () -> RubyString.newUTF8String(context.runtime, Coordinator.lastProcessMetrics().prometheus()));
  }

  /** {@code deaf_handlers}: how many handlers whose attempts were broken off still run, after a second's grace. */
  @JRubyMethod(name = "deaf_handlers", module = true)
  public static IRubyObject deafHandlers(ThreadContext context, IRubyObject self) {
    RuntimeState state = RuntimeState.of(self);
    return state.guard().run(
        context,
        () -> {
          RunningHandlers running = state.runningHandlers();
          long deaf = CoreCall.await(context, () -> running.brokenOff(GRACE_MS));
          LogRelay.flush(context, state.log());
          return context.runtime.newFixnum(deaf);
        });
  }

  /** {@code shut_down}: closes what the application left open. */
  @JRubyMethod(name = "shut_down", module = true)
  public static IRubyObject shutDown(ThreadContext context, IRubyObject self) {
    RuntimeState state = RuntimeState.of(self);
    return state.guard().run(
        context,
        () -> {
          CoreCall.run(
              context,
              () -> {
                state.closeAll();
                return null;
              });
          state.disconnectLog(context);
          return context.nil;
        });
  }

  /** {@code logger_changed}: makes the core look again which messages are wanted. */
  @JRubyMethod(name = "logger_changed", module = true)
  public static IRubyObject loggerChanged(ThreadContext context, IRubyObject self) {
    RuntimeState state = RuntimeState.of(self);
    return state.guard().run(
        context,
        () -> {
          LogRelay.wanted(state.log().isDebugging(context), state.log().isInforming(context));
          return context.nil;
        });
  }

  /** {@code wrap_handlers(around)}: from here on handlers run in the block that {@code around.call} is given; nil: in none. */
  @JRubyMethod(name = "wrap_handlers", module = true)
  public static IRubyObject wrapHandlers(ThreadContext context, IRubyObject self, IRubyObject around) {
    RuntimeState.of(self).wrapHandlers(around.isNil() ? null : new HandlerWrap(around));
    return context.nil;
  }

  /** {@code read_environment(variables)}: the part of the configuration that environment variables give. */
  @JRubyMethod(name = "read_environment", module = true)
  public static IRubyObject readEnvironment(ThreadContext context, IRubyObject self, IRubyObject variables) {
    return RuntimeState.of(self).guard().run(
        context, () -> ValueReader.read(context, OrchestrationConfig.readEnvironment(write(context, variables, ""))));
  }

  /** {@code configuration_keys}: every key, with its variables, bounds and meaning. */
  @JRubyMethod(name = "configuration_keys", module = true)
  public static IRubyObject configurationKeys(ThreadContext context, IRubyObject self) {
    return RuntimeState.of(self).guard().run(context, () -> ValueReader.read(context, ConfigKey.describe()));
  }

  /** {@code refuse(path, message)}: raises a ValidationError for what only the Ruby side can see. */
  @JRubyMethod(module = true)
  public static IRubyObject refuse(ThreadContext context, IRubyObject self, IRubyObject path, IRubyObject message) {
    return RuntimeState.of(self).guard().run(
        context,
        () -> {
          throw new TaskerException.Validation(path.asJavaString(), message.asJavaString());
        });
  }

  /** {@code refuse_type(argument, expected, given)}: raises an InvalidTypeError. */
  @JRubyMethod(name = "refuse_type", module = true)
  public static IRubyObject refuseType(
      ThreadContext context, IRubyObject self, IRubyObject argument, IRubyObject expected, IRubyObject given) {
    return RuntimeState.of(self).guard().run(
        context,
        () -> {
          throw new InvalidType(argument.asJavaString(), expected.asJavaString(), given);
        });
  }

  /** {@code readable(text)}: a String as UTF-8 that people can read, whatever its bytes are. */
  @JRubyMethod(module = true)
  public static IRubyObject readable(ThreadContext context, IRubyObject self, IRubyObject text) {
    return RuntimeState.of(self).guard().run(
        context, () -> RubyString.newUTF8String(context.runtime, RubyText.of(text.convertToString())));
  }

  /** {@code mistyped(name, known)}: which of these names was meant; nil if none is near enough. */
  @JRubyMethod(module = true)
  public static IRubyObject mistyped(ThreadContext context, IRubyObject self, IRubyObject name, IRubyObject known) {
    return RuntimeState.of(self).guard().run(
        context,
        () -> {
          List<String> names = new ArrayList<>();
          for (IRubyObject one : known.convertToArray().toJavaArray()) {
            names.add(RubyText.of(one.convertToString()));
          }
          String meant = Suggestion.mistyped(RubyText.of(name.convertToString()), names);
          return meant == null ? context.nil : RubyString.newUTF8String(context.runtime, meant);
        });
  }

  /** {@code text(argument, given)}: a String or Symbol as text that the database can hold. */
  @JRubyMethod(module = true)
  public static IRubyObject text(ThreadContext context, IRubyObject self, IRubyObject argument, IRubyObject given) {
    return RuntimeState.of(self).guard().run(
        context,
        () -> RubyString.newUTF8String(context.runtime, Arguments.text(context, argument.asJavaString(), given)));
  }

  /** {@code refuse_configuration(message)}: raises a ConfigurationError. */
  @JRubyMethod(name = "refuse_configuration", module = true)
  public static IRubyObject refuseConfiguration(ThreadContext context, IRubyObject self, IRubyObject message) {
    return RuntimeState.of(self).guard().run(
        context,
        () -> {
          throw new TaskerException.Configuration(message.asJavaString());
        });
  }

  /** {@code dump(value, path, max_bytes)}: the value as the core would store it. */
  @JRubyMethod(module = true)
  public static IRubyObject dump(
      ThreadContext context, IRubyObject self, IRubyObject value, IRubyObject path, IRubyObject maxBytes) {
    return RuntimeState.of(self).guard().run(
        context, () -> text(context, ValueWriter.write(context, value, path.asJavaString(), integer(maxBytes))));
  }

  /** {@code dump_request(request, path, max_payload_bytes)}: the same for a task request. */
  @JRubyMethod(name = "dump_request", module = true)
  public static IRubyObject dumpRequest(
      ThreadContext context, IRubyObject self, IRubyObject request, IRubyObject path, IRubyObject maxBytes) {
    return RuntimeState.of(self).guard().run(
        context,
        () -> text(context, ValueWriter.writeRequest(context, (RubyHash) request, path.asJavaString(), integer(maxBytes))));
  }

  /** {@code parse(json)}: what the core stored, as Ruby gets it back. */
  @JRubyMethod(module = true)
  public static IRubyObject parse(ThreadContext context, IRubyObject self, IRubyObject json) {
    return RuntimeState.of(self).guard().run(
        context, () -> ValueReader.read(context, new Json(json.convertToString().getBytes())));
  }

  private static OrchestrationConfig configuration(ThreadContext context, IRubyObject config) {
    return OrchestrationConfig.fromJson(Arguments.configuration(context, "the configuration", config));
  }

  private static Json write(ThreadContext context, IRubyObject value, String root) {
    return ValueWriter.write(context, value, root, ValueWriter.MAX_DOCUMENT_BYTES);
  }

  private static int integer(IRubyObject value) {
    return (int) value.convertToInteger().getLongValue();
  }

  private static IRubyObject text(ThreadContext context, Json json) {
    return RubyString.newStringNoCopy(context.runtime, new ByteList(json.utf8(), UTF8Encoding.INSTANCE, false));
  }
}
