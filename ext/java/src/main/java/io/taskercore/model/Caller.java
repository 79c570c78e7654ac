package io.taskercore.model;

import java.util.concurrent.Callable;

/**
 * Waits for the work of a thread of the core. Work that may take long asks whether its caller still waits, and ends otherwise: a caller
 * whose time is up must not leave a busy processor behind.
 */
public final class Caller {

  private static final ThreadLocal<Caller> CURRENT = new ThreadLocal<>();

  private volatile boolean gone;

  /** Does the work for this caller. */
  public <T> T call(Callable<T> work) throws Exception {
    Caller outer = CURRENT.get();
    CURRENT.set(this);
    try {
      return work.call();
    } finally {
      if (outer == null) {
        CURRENT.remove();
      } else {
        CURRENT.set(outer);
      }
    }
  }

  /** The caller no longer waits. */
  public void leave() {
    gone = true;
  }

  /** Whether the caller of this thread's work has gone; false if there is no caller. */
  public static boolean isGone() {
    Caller caller = CURRENT.get();
    return caller != null && caller.gone;
  }
}
