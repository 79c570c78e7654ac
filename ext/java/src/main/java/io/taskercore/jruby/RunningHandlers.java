package io.taskercore.jruby;

import io.taskercore.engine.attempt.Attempt;
import io.taskercore.engine.threads.Monitor;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import org.jruby.RubyThread;
import org.jruby.runtime.ThreadContext;

/** The handlers that run in a Ruby runtime, those too whose attempts were given back, for they heed no interrupt. */
final class RunningHandlers {

  private final Map<RubyThread, Attempt> byThread = new ConcurrentHashMap<>();
  private final Monitor monitor = new Monitor();

  /** Whether somebody waits for handlers to end; mostly not, and then their threads tell nobody. */
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

  private boolean isAnybodyBrokenOff() {
    return byThread.values().stream().anyMatch(Attempt::cancelled);
  }

  /** Waits for handlers whose attempts were broken off: most end as soon as they are interrupted. */
  void awaitBrokenOff(long graceMs) throws InterruptedException {
    awaited = true;
    monitor.await(() -> !isAnybodyBrokenOff(), TimeUnit.MILLISECONDS.toNanos(graceMs), () -> null);
  }

  /** Those that run although their attempts were broken off, each in a line. */
  List<String> brokenOff() {
    return byThread.values().stream().filter(Attempt::cancelled).map(Attempt::told).toList();
  }
}
