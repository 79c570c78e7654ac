package io.taskercore.engine;

import io.taskercore.config.ConnectionMode;
import io.taskercore.config.DatabaseUrl;
import io.taskercore.config.OrchestrationConfig;
import io.taskercore.engine.clock.CoreClock;
import io.taskercore.engine.clock.Deadline;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The runtimes that are open in this JVM. There is one for each database, connection mode and clock; it is closed with its last handle. A
 * handle waits while the runtime of its own database is opened or closed, but for no other runtime.
 */
final class OpenRuntimes {

  private static final Map<Place, Slot> SLOTS = new ConcurrentHashMap<>();

  private OpenRuntimes() {}

  /** Handles of equal places share a runtime. */
  private record Place(DatabaseUrl url, ConnectionMode mode, CoreClock clock) {
    static Place of(OrchestrationConfig config, CoreClock clock) {
      return new Place(config.databaseUrl(), config.connectionMode(), clock);
    }
  }

  private static final class Slot {
    /** Handles, and callers who are about to have one. Changed under the map's lock, so that no slot in use is dropped. */
    private int users;
    private int handles;
    private volatile CoreRuntime runtime;
  }

  /** The runtime of the configuration's database, opened if this is its first handle. */
  static CoreRuntime acquire(OrchestrationConfig config, CoreClock clock) {
    Place here = Place.of(config, clock);
    Slot slot = SLOTS.compute(here, (place, known) -> {
      Slot used = known == null ? new Slot() : known;
      used.users++;
      return used;
    });
    boolean acquired = false;
    try {
      synchronized (slot) {
        if (slot.runtime == null) {
          CoreRuntime opened = new CoreRuntime(config, clock);
          opened.start();
          slot.runtime = opened;
        }
        slot.runtime.widenPool(config.databasePoolSize());
        slot.handles++;
        acquired = true;
        return slot.runtime;
      }
    } finally {
      if (!acquired) {
        leave(here);
      }
    }
  }

  /** Gives a handle back. With the last one the runtime is closed, before the deadline if PostgreSQL allows. */
  static void release(OrchestrationConfig config, CoreClock clock, Deadline deadline) {
    Place place = Place.of(config, clock);
    Slot slot = SLOTS.get(place);
    try {
      synchronized (slot) {
        slot.handles--;
        if (slot.handles == 0) {
          CoreRuntime unused = slot.runtime;
          slot.runtime = null;
          unused.close(deadline);
        }
      }
    } finally {
      leave(place);
    }
  }

  private static void leave(Place place) {
    SLOTS.compute(place, (same, slot) -> --slot.users == 0 ? null : slot);
  }

  static List<CoreRuntime> all() {
    return SLOTS.values().stream().map(slot -> slot.runtime).filter(Objects::nonNull).toList();
  }
}
