package io.taskercore.model;

import java.util.concurrent.Callable;

/**
 * Who waits for what a thread of the core does. Work that may be long asks whether somebody still does, and otherwise ends: a
 * caller whose time is up must not leave a processor busy behind.
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

  /** Nobody waits any more. */
  public void leave() {
    gone = true;
  }

  /** Whether whoever asked for what this thread does has gone; false where nobody asked. */
  public static boolean isGone() {
    Caller caller = CURRENT.get();
    return caller != null && caller.gone;
  }
}
