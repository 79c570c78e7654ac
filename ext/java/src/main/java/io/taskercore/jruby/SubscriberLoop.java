package io.taskercore.jruby;

import io.taskercore.event.Event;
import io.taskercore.model.Printable;
import org.jruby.exceptions.MainExitException;
import org.jruby.exceptions.RaiseException;
import org.jruby.exceptions.ThreadKill;
import org.jruby.runtime.ThreadContext;
import org.jruby.runtime.builtin.IRubyObject;

/** The life of a subscriber's thread: it waits for an event, calls the block with it, and waits again, until no more events come. */
final class SubscriberLoop {

  private final ThreadContext context;
  private final RuntimeState state;
  private final SubscriptionHandle handle;

  SubscriberLoop(ThreadContext context, RuntimeState state, SubscriptionHandle handle) {
    this.context = context;
    this.state = state;
    this.handle = handle;
  }

  void run() throws Exception {
    SlotLease.disinherit();
    while (deliverNext()) {
      context.setErrorInfo(context.nil);
    }
  }

  /** A method of its own, so that neither the block nor the last event is on the stack while the thread waits for the next. */
  private boolean deliverNext() throws Exception {
    Event event;
    try {
      event = CoreCall.await(context, handle.subscription()::take);
    } catch (RaiseException stray) {
      state.log().writeRegardless(context, "warn", "a subscriber's thread was interrupted between two events: " + stray.getMessage());
      return true;
    }
    if (event != null) {
      deliver(event);
    }
    return event != null;
  }

  private void deliver(Event event) {
    IRubyObject subscriber = handle.subscriber();
    if (subscriber == null) {
      return;
    }
    try {
      subscriber.callMethod(context, "call", state.result(context, ValueReader.read(context, event.json())));
    } catch (ThreadKill | MainExitException end) {
      throw end;
    } catch (RuntimeException | Error failure) {
      handle.subscription().countFailure();
      state.log().writeRegardless(context, "warn", "a subscriber of " + handle.subscription().pattern() + " failed on " + event.name()
          + (event.taskId() == null ? "" : " of task " + event.taskId()) + ": " + Printable.of(described(failure)));
    }
  }

  private String described(Throwable failure) {
    return failure instanceof RaiseException raised
        ? RubyTypes.nameOf(raised.getException()) + Conversion.message(context, raised.getException())
        : failure.toString();
  }
}
