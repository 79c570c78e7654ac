package io.taskercore.engine.attempt;

import java.util.Arrays;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** A handler, and the thread that runs it as long as it has not ended. */
final class HandlerCall {

  /** Where a handler is now: its innermost frame, and this many frames that are not Java's own. */
  private static final int FRAMES = 2;

  private final RunningHandler handler;
  private volatile Thread thread = Thread.currentThread();

  /** @param handler what the calling thread is about to run */
  HandlerCall(RunningHandler handler) {
    this.handler = handler;
  }

  void interrupt() {
    handler.interrupt();
  }

  void end() {
    thread = null;
  }

  boolean hasEnded() {
    return thread == null;
  }

  /** Where it is now, for a person: in the application's code if that is known, and in Java. */
  String place() {
    Thread runner = thread;
    String java = runner == null ? "its end" : innermost(runner.getStackTrace());
    String place = handler.place();
    return place.isEmpty() ? java : place + "; in Java at " + java;
  }

  private static String innermost(StackTraceElement[] stack) {
    Stream<StackTraceElement> others = Arrays.stream(stack).skip(1)
        .filter(frame -> !frame.getClassName().startsWith("java.") && !frame.getClassName().startsWith("jdk."));
    return Stream.concat(Arrays.stream(stack).limit(1), others.limit(FRAMES)).map(StackTraceElement::toString)
        .collect(Collectors.joining(" < "));
  }
}
