package io.taskercore.engine.housekeeping;

import io.taskercore.store.ProcessStore.Lapse;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Who is dead of those whose lease has lapsed. While nothing troubles this process, they are. After an outage, a standstill or a jump of
 * the server's clock a lease tells nothing of its process, whatever its age: then who is seen here not to renew for three leases, while
 * this process does, is dead.
 */
final class Lapses {

  /** So many renewals of ours make three leases. */
  private static final int RENEWALS = 9;

  /** @param renewals how often this process had renewed its own by then */
  private record Seen(Lapse lapse, long sinceNanos, long renewals) {}

  private final long calmNanos;
  private Map<Long, Seen> seen = Map.of();

  /** @param leaseNanos how long a lease is */
  Lapses(long leaseNanos) {
    this.calmNanos = 3 * leaseNanos;
  }

  /**
   * @param lapsed all that the database tells now
   * @param renewals how often this process has renewed its own lease so far
   * @param calm whether nothing has troubled it for three leases
   * @return those among them that are dead
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

  /** Whether somebody is watched: another look is to follow soon. */
  boolean isWatching() {
    return !seen.isEmpty();
  }
}
