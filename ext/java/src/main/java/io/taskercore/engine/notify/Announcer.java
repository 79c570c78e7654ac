package io.taskercore.engine.notify;

import io.taskercore.engine.threads.Threads;
import io.taskercore.model.TaskerException;
import io.taskercore.store.Announcements;
import io.taskercore.store.Database;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells other processes that there is work. One announcement stands for all work that came since the last one. In PostgreSQL each
 * announcement takes a lock of the whole server at its commit. So it is sent apart from the transactions that make the work, and seldom.
 *
 * <p>Nothing relies on it: a process that misses it finds the work at its next poll.
 */
final class Announcer implements AutoCloseable {

  private static final Logger LOG = LoggerFactory.getLogger(Announcer.class);

  private static final long GAP_MS = 5;

  private final Database database;
  private final Announcements announcements = new Announcements();
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private Thread thread;
  private boolean pending;
  private boolean closed;

  Announcer(Database database) {
    this.database = database;
  }

  void workCame() {
    lock.lock();
    try {
      pending = true;
      if (thread == null && !closed) {
        thread = Threads.start("announcer", this::run);
      }
      changed.signal();
    } finally {
      lock.unlock();
    }
  }

  private void run() {
    while (awaitWork()) {
      try {
        database.call(connection -> {
          announcements.announce(connection);
          return null;
        });
        TimeUnit.MILLISECONDS.sleep(GAP_MS);
      } catch (TaskerException.Database failure) {
        LOG.debug("announcer: not announced, other processes find the work when they poll: {}", failure.getMessage());
      } catch (InterruptedException interrupted) {
        return;
      }
    }
  }

  private boolean awaitWork() {
    lock.lock();
    try {
      while (!pending && !closed) {
        changed.await();
      }
      pending = false;
      return !closed;
    } catch (InterruptedException interrupted) {
      return false;
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void close() {
    lock.lock();
    try {
      closed = true;
      changed.signal();
    } finally {
      lock.unlock();
    }
  }
}
