package io.taskercore.jruby;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Logs coordinators that were left to the garbage collector, by the places where they were made. Each place is logged once, because what
 * is made and dropped a thousand times is one line of code. Refers to no handle and no runtime.
 */
final class LeakReport {

  /** After this many places nothing is reported: code that is generated at run time has endless places. */
  private static final int MOST_PLACES = 1_000;

  private final Set<String> reported = ConcurrentHashMap.newKeySet();

  void dropped(String madeAt) {
    if (reported.size() < MOST_PLACES && reported.add(madeAt)) {
      LogRelay.pass("warn", "a coordinator made at " + madeAt + " was dropped without close, and is closed by the garbage collector: "
          + "until that runs it holds on to its handlers and its share of the connection pool "
          + "(others made there are not reported again)");
    }
  }
}
