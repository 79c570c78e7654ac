package io.taskercore.testing;

import java.io.IOException;

/** A daemon thread that reads or writes sockets until one of them is gone, which is no failure. */
public final class SocketThread {

  private SocketThread() {}

  /** What it does. */
  @FunctionalInterface
  public interface Work {
    void run() throws IOException;
  }

  public static void start(String name, Work work) {
    Thread thread = new Thread(() -> {
      try {
        work.run();
      } catch (IOException closed) {
        // The other side is gone, which is what such a thread waits for.
      }
    }, name);
    thread.setDaemon(true);
    thread.start();
  }
}
