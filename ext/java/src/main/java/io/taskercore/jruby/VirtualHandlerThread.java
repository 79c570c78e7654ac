package io.taskercore.jruby;

import java.util.concurrent.atomic.AtomicLong;
import org.jruby.Ruby;
import org.jruby.exceptions.MainExitException;
import org.jruby.exceptions.ThreadKill;
import org.jruby.runtime.ThreadContext;

/**
 * The life of a handler thread that is virtual. Ruby cannot make one. So Java makes it, and Ruby adopts it, for as long as it lives and
 * no longer.
 */
final class VirtualHandlerThread implements Runnable {

  private static final AtomicLong NUMBERS = new AtomicLong();

  private final Ruby runtime;
  private final RuntimeState state;

  VirtualHandlerThread(Ruby runtime, RuntimeState state) {
    this.runtime = runtime;
    this.state = state;
  }

  @Override
  public void run() {
    Thread.currentThread().setName("tasker-virtual-handler-" + NUMBERS.incrementAndGet());
    ThreadContext context = runtime.getCurrentContext();
    try {
      new HandlerLoop(context, state, state.attempts(HandlerThreadKind.VIRTUAL)).run();
    } catch (ThreadKill | MainExitException end) {
      // Whoever sent it knows about it. Another thread is started when one is missing.
    } catch (Exception failure) {
      state.log().writeRegardless(context, "error", "a handler thread ended by " + RubyLog.stackTrace(failure));
    } finally {
      runtime.getThreadService().unregisterCurrentThread(context);
    }
  }
}
