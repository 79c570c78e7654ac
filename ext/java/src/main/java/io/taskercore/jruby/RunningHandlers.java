package io.taskercore.jruby;

import io.taskercore.engine.attempt.Attempt;
import io.taskercore.engine.threads.Monitor;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import org.jruby.RubyThread;
import org.jruby.runtime.ThreadContext;

/** The handlers that run in a Ruby runtime, including those that ignore their interrupt and whose attempts were given back. */
final class RunningHandlers {

  private final Map<RubyThread, Attempt> byThread = new ConcurrentHashMap<>();
  private final Monitor monitor = new Monitor();

  /** Whether somebody waits for handlers to end. Usually nobody does, and then their threads tell nobody. */
  private volatile boolean awaited;

  void began(ThreadContext context, Attempt attempt) {
    byThread.put(context.getThread(), attempt);
  }

  void ended(ThreadContext context) {
    byThread.remove(context.getThread());
    if (awaited) {
      monitor.change(() -> {});
    }
  }

  /**
   * How many still run, {@code graceMs} after this was asked, although their attempts were broken off. Most end when they are
   * interrupted.
   */
  long brokenOff(long graceMs) throws InterruptedException {
    awaited = true;
    return monitor.await(() -> brokenOff() == 0, TimeUnit.MILLISECONDS.toNanos(graceMs), this::brokenOff);
  }

  private long brokenOff() {
    return byThread.values().stream().filter(Attempt::cancelled).count();
  }
}
