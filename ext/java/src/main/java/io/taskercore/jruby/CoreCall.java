package io.taskercore.jruby;

import io.taskercore.model.Caller;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.jruby.RubyThread;
import org.jruby.runtime.ThreadContext;

/**
 * Waits that Ruby can interrupt. A Ruby thread that blocks in Java is deaf to Timeout, Thread#raise and Thread#kill. So work that may
 * block runs on a Java thread, and the Ruby thread waits for it in the one way that JRuby can break off.
 *
 * <p>When the wait is broken off, the work goes on, and the caller does not learn its outcome. Only work that may take long and changes
 * nothing, such as the check of a payload, ends then ({@link Caller}).
 */
final class CoreCall {

  /** Long enough to serve calls in a row, short enough that no thread of ours is left over. */
  private static final long IDLE_SECONDS = 5;

  private static final AtomicInteger THREAD_NUMBERS = new AtomicInteger();

  /**
   * Unbounded, because each of its threads has a Ruby thread waiting for it; the connection pool bounds what they do at once. For a
   * virtual thread the work is on a virtual thread too, because there may be thousands of them.
   */
  private static final Executor THREADS =
      new ThreadPoolExecutor(0, Integer.MAX_VALUE, IDLE_SECONDS, TimeUnit.SECONDS, new SynchronousQueue<>(), CoreCall::thread);

  /** How long each Ruby thread has waited so far, in nanoseconds, so that the bridge's own time can be separated from the core's. */
  private static final ThreadLocal<long[]> WAITED = ThreadLocal.withInitial(() -> new long[1]);

  private CoreCall() {}

  private static Thread thread(Runnable work) {
    Thread thread = new Thread(null, work, "tasker-call-" + THREAD_NUMBERS.incrementAndGet(), 0, false);
    thread.setDaemon(true);
    // Otherwise it would be the application's that happened to call first, and would keep that application alive.
    thread.setContextClassLoader(CoreCall.class.getClassLoader());
    return thread;
  }

  /** A wait in Java. {@code Thread.interrupt} breaks it off when Ruby wants the thread. */
  @FunctionalInterface
  interface Wait<T> {
    T await() throws InterruptedException, ExecutionException;
  }

  /** Runs {@code work} on a thread of the core while the Ruby thread waits. */
  static <T> T run(ThreadContext context, Callable<T> work) throws Exception {
    return run(context, work, result -> {});
  }

  /**
   * The same for work that acquires something.
   *
   * @param unwanted disposes of a result that arrives when nobody waits for it any more
   */
  static <T> T run(ThreadContext context, Callable<T> work, Consumer<? super T> unwanted) throws Exception {
    CompletableFuture<T> future = new CompletableFuture<>();
    Caller caller = new Caller();
    Executor threads = VirtualThreads.isCurrent() ? VirtualThreads::start : THREADS;
    threads.execute(
        () -> {
          try {
            future.complete(caller.call(work));
          } catch (Throwable failure) {
            future.completeExceptionally(failure);
          }
        });
    try {
      return await(context, future::get);
    } catch (ExecutionException e) {
      throw e.getCause() instanceof Exception cause ? cause : new ExecutionException(e.getCause());
    } catch (Throwable interruption) {
      caller.leave();
      future.thenAccept(unwanted);
      throw interruption;
    }
  }

  /** Runs {@code work} on the Ruby thread itself, which is deaf meanwhile. */
  static <T> T here(Callable<T> work) throws Exception {
    long began = System.nanoTime();
    try {
      return work.call();
    } finally {
      WAITED.get()[0] += System.nanoTime() - began;
    }
  }

  /** How long the calling thread has waited in all its calls. */
  static long waitedNanos() {
    return WAITED.get()[0];
  }

  /** For work that nobody waits for; what it throws is only logged. */
  static void inBackground(Runnable work) {
    unattended(
        () -> {
          try {
            work.run();
          } catch (RuntimeException | Error failure) {
            LogRelay.pass("error", "what went on in the background failed: " + RubyLog.stackTrace(failure));
          }
        });
  }

  /** For work that nobody waits for, and that handles its own failures. */
  static void unattended(Runnable work) {
    THREADS.execute(work);
  }

  /** Waits when there is nothing to do but wait. */
  static <T> T await(ThreadContext context, Wait<T> wait) throws ExecutionException {
    long began = System.nanoTime();
    try {
      return awaitAnew(context, wait);
    } finally {
      WAITED.get()[0] += System.nanoTime() - began;
    }
  }

  private static <T> T awaitAnew(ThreadContext context, Wait<T> wait) throws ExecutionException {
    while (true) {
      try {
        return context.getThread().executeTask(context, wait, new InterruptibleWait<T>());
      } catch (InterruptedException e) {
        // Woken for nothing that Ruby knows of, for instance by Thread#wakeup.
        context.pollThreadEvents();
      } catch (ExecutionFailed e) {
        throw (ExecutionException) e.getCause();
      }
    }
  }

  private static final class InterruptibleWait<T> implements RubyThread.Task<Wait<T>, T> {

    @Override
    public T run(ThreadContext context, Wait<T> wait) throws InterruptedException {
      try {
        return wait.await();
      } catch (ExecutionException e) {
        throw new ExecutionFailed(e);
      }
    }

    @Override
    public void wakeup(RubyThread thread, Wait<T> wait) {
      thread.getNativeThread().interrupt();
    }
  }

  /** Carries the failure through JRuby's signature. */
  private static final class ExecutionFailed extends RuntimeException {
    private static final long serialVersionUID = 1L;

    ExecutionFailed(ExecutionException cause) {
      super(null, cause, false, false);
    }
  }
}
