package io.taskercore.jruby;

import io.taskercore.event.Subscription;
import java.lang.ref.WeakReference;
import org.jruby.RubyClass;
import org.jruby.RubyObject;
import org.jruby.RubyString;
import org.jruby.anno.JRubyClass;
import org.jruby.anno.JRubyMethod;
import org.jruby.runtime.ThreadContext;
import org.jruby.runtime.builtin.IRubyObject;

/**
 * {@code TaskerCore::Native::Subscription}: a subscription of the core as Ruby and the subscriber's thread hold it.
 *
 * <p>The subscriber's block hangs on the coordinator's handle, to which there is only a weak reference here. A block easily refers to its
 * own coordinator, and a thread that waits for events must not keep the coordinator from being collected.
 */
@JRubyClass(name = "TaskerCore::Native::Subscription")
public final class SubscriptionHandle extends RubyObject {

  private static final long serialVersionUID = 1L;

  private final transient RuntimeState state;
  private final transient Subscription subscription;
  private final transient WeakReference<CoordinatorHandle> coordinator;

  SubscriptionHandle(RubyClass rubyClass, RuntimeState state, Subscription subscription, CoordinatorHandle coordinator) {
    super(rubyClass.getRuntime(), rubyClass);
    this.state = state;
    this.subscription = subscription;
    this.coordinator = new WeakReference<>(coordinator);
  }

  Subscription subscription() {
    return subscription;
  }

  /** The block; null once the coordinator was dropped or has forgotten the block. */
  IRubyObject subscriber() {
    CoordinatorHandle handle = coordinator.get();
    return handle == null ? null : handle.subscriber(subscription);
  }

  /** {@code deliver}: the whole life of the subscriber's thread; returns when no more events come. */
  @JRubyMethod
  public IRubyObject deliver(ThreadContext context) {
    return state.guard().run(
        context,
        () -> {
          new SubscriberLoop(context, state, this).run();
          CoordinatorHandle handle = coordinator.get();
          if (handle != null) {
            handle.forget(subscription);
          }
          return context.nil;
        });
  }

  @JRubyMethod
  public IRubyObject pattern(ThreadContext context) {
    return RubyString.newUTF8String(context.runtime, subscription.pattern());
  }

  @JRubyMethod(name = "active?")
  public IRubyObject isActive(ThreadContext context) {
    return context.runtime.newBoolean(subscription.isOpen());
  }

  @JRubyMethod
  public IRubyObject stats(ThreadContext context) {
    return state.guard().run(context, () -> ValueReader.read(context, subscription.stats()));
  }
}
