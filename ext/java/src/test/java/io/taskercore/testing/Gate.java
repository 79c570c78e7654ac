package io.taskercore.testing;

import io.taskercore.engine.attempt.Attempt;
import io.taskercore.model.Json;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** A handler that stays in its call until the test lets it go. */
public final class Gate implements Handlers.Handler {

  private final CountDownLatch open = new CountDownLatch(1);
  private final List<Attempt> entered = new CopyOnWriteArrayList<>();
  private final AtomicInteger interrupted = new AtomicInteger();
  private final AtomicInteger left = new AtomicInteger();
  private final boolean deaf;
  private final Handlers.Handler then;

  private Gate(boolean deaf, Handlers.Handler then) {
    this.deaf = deaf;
    this.then = then;
  }

  /** Ends with an InterruptedException where it is interrupted, as a well-behaved handler does. */
  public static Gate closed() {
    return new Gate(false, attempt -> Json.EMPTY_OBJECT);
  }

  public static Gate closed(Handlers.Handler then) {
    return new Gate(false, then);
  }

  /** Notices interrupts and goes on nevertheless, so that it ends too late. */
  public static Gate deaf(String result) {
    return new Gate(true, attempt -> Json.of(result));
  }

  public static Gate deaf(Handlers.Handler then) {
    return new Gate(true, then);
  }

  @Override
  public Json call(Attempt attempt) throws Exception {
    entered.add(attempt);
    try {
      pass();
      return then.call(attempt);
    } finally {
      left.incrementAndGet();
    }
  }

  private void pass() throws InterruptedException {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(2 * Await.SECONDS);
    while (System.nanoTime() < end) {
      try {
        if (open.await(end - System.nanoTime(), TimeUnit.NANOSECONDS)) {
          return;
        }
      } catch (InterruptedException told) {
        interrupted.incrementAndGet();
        if (!deaf) {
          throw told;
        }
      }
    }
    throw new AssertionError("nobody opened the gate");
  }

  public void open() {
    open.countDown();
  }

  public Gate awaitEntered() {
    return awaitEntered(1);
  }

  public Gate awaitEntered(int times) {
    Await.until(times + " handlers at the gate", () -> entered.size() >= times);
    return this;
  }

  public void awaitInterrupted() {
    Await.until("an interrupt", () -> interrupted.get() > 0);
  }

  /** Lets the handlers go and waits until they have. */
  public void openAndAwaitLeft() {
    open();
    Await.until("everybody through the gate", () -> left.get() == entered.size());
  }

  /** The attempt that came first. */
  public Attempt attempt() {
    return entered.get(0);
  }

  public int entered() {
    return entered.size();
  }

  public int interrupted() {
    return interrupted.get();
  }
}
