package io.taskercore.jruby;

import java.lang.ref.WeakReference;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.jruby.runtime.ThreadContext;

/**
 * Passes messages from the core's threads to a Ruby logger. The logger may be slow, may raise, and must not run while the core holds a
 * lock. So messages go through a bounded queue, and a thread that exists only while there are messages.
 *
 * <p>If several Ruby runtimes share the core, the oldest one alive gets the core's messages; each message is logged once.
 */
final class LogRelay {

  private static final int CAPACITY = 2_000;
  private static final long IDLE_MS = 1_000;

  private static final BlockingQueue<Entry> ENTRIES = new ArrayBlockingQueue<>(CAPACITY);
  private static final AtomicLong DROPPED = new AtomicLong();
  private static final AtomicBoolean RELAYING = new AtomicBoolean();

  /** Weak references: the log must not keep a runtime that ended without a word. */
  private static final List<WeakReference<RubyLog>> LOGS = new CopyOnWriteArrayList<>();

  private static volatile boolean debugging;
  private static volatile boolean informing = true;

  private LogRelay() {}

  private record Entry(String level, String message) {}

  static void add(RubyLog log) {
    LOGS.removeIf(known -> known.get() == null || known.refersTo(log));
    LOGS.add(new WeakReference<>(log));
  }

  static void remove(RubyLog log) {
    LOGS.removeIf(known -> known.get() == null || known.refersTo(log));
  }

  /** Whether messages for debugging were wanted when somebody last looked at the logger. */
  static boolean debugging() {
    return debugging;
  }

  /** The same of messages of the level info. */
  static boolean informing() {
    return informing;
  }

  static void wanted(boolean debug, boolean info) {
    debugging = debug;
    informing = info;
  }

  static void pass(String level, String message) {
    if (!ENTRIES.offer(new Entry(level, message))) {
      DROPPED.incrementAndGet();
    }
    relay();
  }

  /** Writes what is left, on the calling thread. */
  static void flush(ThreadContext context, RubyLog log) {
    for (Entry entry = ENTRIES.poll(); entry != null; entry = ENTRIES.poll()) {
      log.write(context, entry.level(), entry.message());
    }
  }

  private static void relay() {
    if (current() != null && RELAYING.compareAndSet(false, true)) {
      CoreCall.unattended(LogRelay::relayUntilIdle);
    }
  }

  private static void relayUntilIdle() {
    try {
      Entry entry = ENTRIES.poll(IDLE_MS, TimeUnit.MILLISECONDS);
      for (RubyLog log = current(); entry != null && log != null; log = current()) {
        write(log, entry);
        entry = ENTRIES.poll(IDLE_MS, TimeUnit.MILLISECONDS);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      RELAYING.set(false);
    }
    if (!ENTRIES.isEmpty()) {
      relay();
    }
  }

  private static void write(RubyLog log, Entry entry) {
    try {
      ThreadContext context = log.currentContext();
      long dropped = DROPPED.getAndSet(0);
      if (dropped > 0) {
        log.write(context, "warn", dropped + " log messages were dropped, for they came faster than the logger takes them");
      }
      log.write(context, entry.level(), entry.message());
      debugging = log.isDebugging(context);
    } catch (RuntimeException | Error lost) {
      // Nobody can be told: a message about this would go to the same logger.
    }
  }

  private static RubyLog current() {
    for (WeakReference<RubyLog> known : LOGS) {
      RubyLog log = known.get();
      if (log != null) {
        return log;
      }
    }
    return null;
  }
}
