package io.taskercore.jruby;

import io.taskercore.engine.attempt.Attempt;
import io.taskercore.engine.threads.Monitor;
import io.taskercore.model.Format;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.jruby.RubyThread;
import org.jruby.runtime.ThreadContext;
import org.jruby.runtime.builtin.IRubyObject;

/** The handlers that run in a Ruby runtime, those too whose attempts were given back, for they heed no interrupt. */
final class RunningHandlers {

  /** Where a handler stands is told by so many lines of Ruby, and so many frames of Java, from the innermost. */
  private static final int FRAMES = 3;

  private record Run(Attempt attempt, Thread javaThread, long sinceNanos) {}

  private final Map<RubyThread, Run> byThread = new ConcurrentHashMap<>();
  private final Monitor monitor = new Monitor();

  /** Whether somebody waits for handlers to end; mostly not, and then their threads tell nobody. */
  private volatile boolean awaited;

  void began(ThreadContext context, Attempt attempt) {
    byThread.put(context.getThread(), new Run(attempt, Thread.currentThread(), System.nanoTime()));
  }

  void ended(ThreadContext context) {
    byThread.remove(context.getThread());
    if (awaited) {
      monitor.change(() -> {});
    }
  }

  private boolean isAnybodyBrokenOff() {
    return byThread.values().stream().anyMatch(run -> run.attempt().cancelled());
  }

  /** Waits for handlers whose attempts were broken off: most end as soon as they are interrupted. */
  void awaitBrokenOff(long graceMs) throws InterruptedException {
    awaited = true;
    monitor.await(() -> !isAnybodyBrokenOff(), TimeUnit.MILLISECONDS.toNanos(graceMs), () -> null);
  }

  /** Those that run although their attempts were broken off, each in a line: of which step, since when, and where it stands. */
  List<String> brokenOff(ThreadContext context) {
    List<String> lines = new ArrayList<>();
    byThread.forEach((thread, run) -> {
      if (run.attempt().cancelled()) {
        lines.add(Format.text(
            "%s handler %s, since %d s, at %s; in Java at %s",
            HandlerRun.tag(run.attempt()), run.attempt().handler(),
            TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - run.sinceNanos()), inRuby(context, thread), inJava(run.javaThread())));
      }
    });
    return lines;
  }

  private static String inRuby(ThreadContext context, RubyThread thread) {
    IRubyObject backtrace = thread.callMethod(context, "backtrace");
    if (backtrace.isNil()) {
      return "its end";
    }
    IRubyObject first = backtrace.callMethod(context, "first", context.runtime.newFixnum(FRAMES));
    return first.callMethod(context, "join", context.runtime.newString(" < ")).asJavaString();
  }

  private static String inJava(Thread thread) {
    return Arrays.stream(thread.getStackTrace()).limit(FRAMES).map(StackTraceElement::toString).collect(Collectors.joining(" < "));
  }
}
