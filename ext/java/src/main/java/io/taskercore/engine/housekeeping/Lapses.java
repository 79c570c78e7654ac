package io.taskercore.engine.housekeeping;

import io.taskercore.store.ProcessStore.Lapse;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Decides which of the processes whose lease has lapsed are dead. While nothing troubles this process, all of them are. After an outage,
 * a standstill or a jump of the server's clock, a lease says nothing about its process, however old it is. Then a process is dead if, as
 * seen from here, it does not renew its lease for three leases while this process does.
 */
final class Lapses {

  /** This many of our renewals take three leases. */
  private static final int RENEWALS = 9;

  /** @param renewals how often this process had renewed its own lease by then */
  private record Seen(Lapse lapse, long sinceNanos, long renewals) {}

  private final long calmNanos;
  private Map<Long, Seen> seen = Map.of();

  /** @param leaseNanos how long a lease is */
  Lapses(long leaseNanos) {
    this.calmNanos = 3 * leaseNanos;
  }

  /**
   * @param lapsed all lapses that the database has now
   * @param renewals how often this process has renewed its own lease so far
   * @param calm whether nothing has troubled this process for three leases
   * @return the processes among them that are dead
   */
  List<Lapse> dead(List<Lapse> lapsed, long nowNanos, long renewals, boolean calm) {
    Map<Long, Seen> now = new HashMap<>();
    List<Lapse> dead = new ArrayList<>();
    for (Lapse lapse : lapsed) {
      Seen before = seen.get(lapse.processId());
      Seen first = before != null && before.lapse().equals(lapse) ? before : new Seen(lapse, nowNanos, renewals);
      now.put(lapse.processId(), first);
      boolean longEnough = nowNanos - first.sinceNanos() >= calmNanos && renewals - first.renewals() >= RENEWALS;
      if (lapse.inOrder() || longEnough || calm && !lapse.ahead()) {
        dead.add(lapse);
      }
    }
    seen = now;
    return dead;
  }

  /** Whether some process is watched; another look must follow soon. */
  boolean isWatching() {
    return !seen.isEmpty();
  }
}
