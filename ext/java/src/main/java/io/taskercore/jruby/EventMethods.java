package io.taskercore.jruby;

import io.taskercore.event.Subscription;
import io.taskercore.model.Json;
import org.jruby.RubyProc;
import org.jruby.anno.JRubyMethod;
import org.jruby.runtime.ThreadContext;
import org.jruby.runtime.builtin.IRubyObject;

/** Events, as methods of {@link CoordinatorHandle}. */
public final class EventMethods {

  private EventMethods() {}

  @JRubyMethod(name = "publish_event")
  public static IRubyObject publishEvent(ThreadContext context, IRubyObject self, IRubyObject event) {
    CoordinatorHandle handle = CoordinatorHandle.of(self);
    return handle.guarded(
        context,
        () -> {
          Json json = ValueWriter.writeEvent(context, Arguments.hash(context, "event", event), handle.maxPayloadBytes());
          return ValueReader.read(context, handle.coordinator().events().publishEvent(json));
        });
  }

  @JRubyMethod
  public static IRubyObject subscribe(ThreadContext context, IRubyObject self, IRubyObject pattern, IRubyObject subscriber) {
    CoordinatorHandle handle = CoordinatorHandle.of(self);
    return handle.guarded(
        context,
        () -> {
          String text = Arguments.text(context, "pattern", pattern);
          if (!(subscriber instanceof RubyProc)) {
            throw new InvalidType("subscriber", "a block", subscriber);
          }
          Subscription subscription = handle.coordinator().events().subscribe(text);
          handle.remember(subscription, subscriber);
          SubscriptionHandle made = new SubscriptionHandle(handle.state().subscriptionClass(), handle.state(), subscription, handle);
          try {
            handle.state().startSubscriber(context, made);
          } catch (Throwable noThread) {
            handle.coordinator().events().unsubscribe(subscription);
            handle.forget(subscription);
            throw noThread;
          }
          return made;
        });
  }

  @JRubyMethod
  public static IRubyObject unsubscribe(ThreadContext context, IRubyObject self, IRubyObject subscription) {
    CoordinatorHandle handle = CoordinatorHandle.of(self);
    return handle.guarded(
        context,
        () -> {
          if (!(subscription instanceof SubscriptionHandle given)) {
            throw new InvalidType("subscription", "a TaskerCore::Subscription", subscription);
          }
          return context.runtime.newBoolean(handle.coordinator().events().unsubscribe(given.subscription()));
        });
  }
}
