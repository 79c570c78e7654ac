package io.taskercore.testing;

import io.taskercore.engine.attempt.Attempt;
import io.taskercore.engine.attempt.AttemptQueue;
import io.taskercore.engine.attempt.HandlerDirectory;
import io.taskercore.model.Failure;
import io.taskercore.model.Json;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;

/** Handlers in plain Java, and the threads that run them: what the Ruby side is to the core in earnest. */
public final class Handlers implements HandlerDirectory {

  /** A handler: returns the result, or throws {@link Failed}, or anything else, which is retryable. */
  @FunctionalInterface
  public interface Handler {
    Json call(Attempt attempt) throws Exception;
  }

  /** A failure with all that a handler can say about it. */
  public static final class Failed extends Exception {
    private static final long serialVersionUID = 1L;
    private final transient Failure failure;

    public Failed(Failure failure) {
      super(failure.message());
      this.failure = failure;
    }

    public static Failed transiently(String message) {
      return new Failed(Failure.of("Transient", message, null, true));
    }

    public static Failed permanently(String message) {
      return new Failed(Failure.of("Permanent", message, "declined", false));
    }

    /** @param seconds the least delay before the next attempt */
    public static Failed after(double seconds) {
      return new Failed(new Failure("Busy", "come back later", null, true, seconds, Json.EMPTY_OBJECT, List.of()));
    }
  }

  private static final long IDLE_MS = 500;

  private final AttemptQueue queue = new AttemptQueue();
  private final Map<String, Handler> byName = new ConcurrentHashMap<>();
  private final AtomicInteger running = new AtomicInteger();
  private final AtomicInteger mostRunning = new AtomicInteger();
  private final List<String> ran = new CopyOnWriteArrayList<>();

  /** Handlers of these names, which do nothing and succeed. */
  public Handlers succeed(String... names) {
    for (String name : names) {
      on(name, attempt -> Json.EMPTY_OBJECT);
    }
    return this;
  }

  public Handlers on(String name, Handler handler) {
    byName.put(name, handler);
    return this;
  }

  public void off(String name) {
    byName.remove(name);
  }

  public AttemptQueue queue() {
    return queue;
  }

  /** How many handlers ran at the same time at most. */
  public int mostRunning() {
    return mostRunning.get();
  }

  /** Each handler run so far, as {@code step#attempt}, in the order of their beginnings. */
  public List<String> ran() {
    return List.copyOf(ran);
  }

  public void awaitIdle() {
    Await.until("no handler at work", () -> running.get() == 0);
  }

  @Override
  public boolean has(String handler) {
    return byName.containsKey(handler);
  }

  /** Starts the threads that the queue asks for. */
  public void startThreads() {
    for (int i = queue.threadsToStart(); i > 0; i--) {
      Thread thread = new Thread(this::work, "handler");
      thread.setDaemon(true);
      thread.start();
    }
  }

  private void work() {
    try {
      for (Attempt attempt = queue.take(IDLE_MS); attempt != null; attempt = queue.take(IDLE_MS)) {
        for (Attempt next = attempt; next != null; ) {
          next = run(next);
        }
      }
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  /** @return the attempt that the thread is to go on with */
  private Attempt run(Attempt attempt) {
    Interruption interruption = new Interruption(Thread.currentThread());
    if (!attempt.begin(interruption::interrupt)) {
      attempt.release();
      return null;
    }
    mostRunning.accumulateAndGet(running.incrementAndGet(), Math::max);
    ran.add(attempt.stepName() + '#' + attempt.attempt());
    try {
      Json result = call(attempt, interruption);
      running.decrementAndGet();
      return attempt.succeed(result);
    } catch (Throwable thrown) {
      running.decrementAndGet();
      attempt.fail(failure(thrown));
      return null;
    }
  }

  private Json call(Attempt attempt, Interruption interruption) throws Exception {
    try {
      return byName.get(attempt.handler()).call(attempt);
    } finally {
      interruption.over();
    }
  }

  /** An interrupt meant for one handler run, which comes too late once that is over: the thread is in another one by then. */
  private static final class Interruption {
    private final Thread thread;
    private boolean over;

    Interruption(Thread thread) {
      this.thread = thread;
    }

    synchronized void interrupt() {
      if (!over) {
        thread.interrupt();
      }
    }

    synchronized void over() {
      over = true;
      Thread.interrupted();
    }
  }

  private static Failure failure(Throwable thrown) {
    return thrown instanceof Failed failed
        ? failed.failure
        : Failure.of(thrown.getClass().getName(), String.valueOf(thrown.getMessage()), null, true);
  }
}
