package io.taskercore.engine.threads;

import io.taskercore.model.TaskerException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;

/** A daemon thread that does one thing again and again, with a pause in between. Failures of any kind are logged and never end it. */
public final class Loop implements AutoCloseable {

  private static final Logger LOG = LoggerFactory.getLogger(Loop.class);

  /** One round. */
  @FunctionalInterface
  public interface Round {
    void run() throws Exception;
  }

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition wake = lock.newCondition();
  private final String job;
  private final Round round;
  private final LongSupplier pauseMs;
  private final Thread thread;
  private boolean due;
  private boolean stopped;

  public Loop(String job, LongSupplier pauseMs, Round round) {
    this.job = job;
    this.pauseMs = pauseMs;
    this.round = round;
    this.thread = Threads.named(job).newThread(this::run);
  }

  public void start() {
    thread.start();
  }

  private void run() {
    while (pause()) {
      try {
        round.run();
      } catch (TaskerException.Database failure) {
        LOG.atLevel(failure.isOutage() ? Level.DEBUG : Level.WARN)
            .log("{}: this round failed and the next one follows: {}", job, failure.getMessage());
      } catch (Exception | Error failure) {
        LOG.warn("{}: this round failed and the next one follows: {}", job, failure.getMessage());
      }
    }
  }

  private boolean pause() {
    lock.lock();
    try {
      long nanos = TimeUnit.MILLISECONDS.toNanos(pauseMs.getAsLong());
      while (!stopped && !due && nanos > 0) {
        nanos = wake.awaitNanos(nanos);
      }
      due = false;
      return !stopped;
    } catch (InterruptedException interrupted) {
      return false;
    } finally {
      lock.unlock();
    }
  }

  /** The next round comes now, or right after the one that is running. */
  public void soon() {
    lock.lock();
    try {
      due = true;
      wake.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /** Ends after the round that is running, if there is one. */
  public void stop() {
    lock.lock();
    try {
      stopped = true;
      wake.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /** Whether nothing of it runs any more. */
  public boolean hasEnded() {
    return !thread.isAlive();
  }

  /** Stops, and waits for the end. */
  @Override
  public void close() {
    awaitEnd(10_000);
  }

  /** The same, waiting for this many milliseconds at most. */
  public void awaitEnd(long mostMs) {
    stop();
    try {
      thread.join(Math.max(1, mostMs));
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
