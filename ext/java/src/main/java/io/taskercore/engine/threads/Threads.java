package io.taskercore.engine.threads;

import java.util.concurrent.ThreadFactory;
import java.util.concurrent.atomic.AtomicLong;

/** The core's own threads: daemons, named after their job. */
public final class Threads {

  private Threads() {}

  public static ThreadFactory named(String job) {
    AtomicLong count = new AtomicLong();
    return task -> {
      long number = count.getAndIncrement();
      return daemon(number == 0 ? job : job + "-" + number, task);
    };
  }

  public static Thread start(String job, Runnable task) {
    Thread thread = daemon(job, task);
    thread.start();
    return thread;
  }

  private static Thread daemon(String job, Runnable task) {
    Thread thread = new Thread(task, "tasker-" + job);
    thread.setDaemon(true);
    return thread;
  }
}
