package io.taskercore.engine.report;

import io.taskercore.engine.threads.Loop;
import io.taskercore.model.TaskerException;
import io.taskercore.store.Database;
import io.taskercore.store.TaskReader;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How many tasks of the database have not ended: counted now, or as counted a few seconds ago for callers that must not wait. The first
 * such caller starts a thread that counts again and again.
 */
public final class ActiveTasks implements AutoCloseable {

  private static final Logger LOG = LoggerFactory.getLogger(ActiveTasks.class);

  /** Scrapers come every 15 to 60 s, and PostgreSQL takes a tenth of a second to count a million tasks. */
  private static final long PAUSE_MS = 10_000;

  /** An older figure would be mistaken for a current one. */
  private static final long FORGOTTEN_NANOS = TimeUnit.MILLISECONDS.toNanos(3 * PAUSE_MS);

  private final Database database;
  private final LongSupplier nanoTime;
  private final TaskReader reader = new TaskReader();
  private final Loop counting = new Loop("active-tasks", () -> PAUSE_MS, this::now);
  private volatile Count last;
  private boolean started;

  private record Count(long tasks, long nanos) {}

  public ActiveTasks(Database database, LongSupplier nanoTime) {
    this.database = database;
    this.nanoTime = nanoTime;
  }

  /** Counts, for as long as the database takes; null if it cannot be asked. */
  public Long now() {
    try {
      long tasks = database.call(reader::activeTasks);
      last = new Count(tasks, nanoTime.getAsLong());
      return tasks;
    } catch (TaskerException.Database failure) {
      LOG.debug("metrics: active tasks are not known: {}", failure.getMessage());
      return null;
    }
  }

  /** Answers at once; null if nobody has counted lately. */
  public Long lastCount() {
    start();
    Count count = last;
    return count == null || nanoTime.getAsLong() - count.nanos() > FORGOTTEN_NANOS ? null : Long.valueOf(count.tasks());
  }

  private synchronized void start() {
    if (!started) {
      started = true;
      counting.soon();
      counting.start();
    }
  }

  /** Does not wait for a count under way: it changes nothing, and ends with its connection. */
  @Override
  public synchronized void close() {
    started = true;
    counting.stop();
  }
}
