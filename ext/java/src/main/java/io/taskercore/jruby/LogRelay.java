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
  private static final long LOOK_NANOS = TimeUnit.SECONDS.toNanos(1);

  /** Writes nothing, but has the logger's level looked at. */
  private static final Entry LOOK = new Entry(null, null);

  private static final BlockingQueue<Entry> ENTRIES = new ArrayBlockingQueue<>(CAPACITY);
  private static final AtomicLong DROPPED = new AtomicLong();
  private static final AtomicBoolean RELAYING = new AtomicBoolean();

  /** Weak references: the log must not keep a runtime that ended without a word. */
  private static final List<WeakReference<RubyLog>> LOGS = new CopyOnWriteArrayList<>();

  private static volatile boolean debugging;
  private static volatile boolean informing = true;
  private static final AtomicLong LOOKED_NANOS = new AtomicLong(System.nanoTime());

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

  /** The same of messages of the level info. Somebody looks again within a second, for the level may be another by now. */
  static boolean informing() {
    if (!informing) {
      long now = System.nanoTime();
      long looked = LOOKED_NANOS.get();
      if (now - looked > LOOK_NANOS && LOOKED_NANOS.compareAndSet(looked, now) && ENTRIES.offer(LOOK)) {
        relay();
      }
    }
    return informing;
  }

  static void wanted(boolean debug, boolean info) {
    debugging = debug;
    informing = info;
  }

  static void pass(String level, String message) {
    if (!hasRoomFor(level) || !ENTRIES.offer(new Entry(level, message))) {
      DROPPED.incrementAndGet();
    }
    relay();
  }

  /** Half of the room is kept for warnings and errors, so that a flood of good news drowns none. */
  private static boolean hasRoomFor(String level) {
    return level.equals("warn") || level.equals("error") || ENTRIES.remainingCapacity() > CAPACITY / 2;
  }

  /** Writes what is left, on the calling thread. */
  static void flush(ThreadContext context, RubyLog log) {
    for (Entry entry = ENTRIES.poll(); entry != null; entry = ENTRIES.poll()) {
      if (entry != LOOK) {
        log.write(context, entry.level(), entry.message());
      }
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
      if (entry != LOOK) {
        log.write(context, entry.level(), entry.message());
      }
      wanted(log.isDebugging(context), log.isInforming(context));
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
