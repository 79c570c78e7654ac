package io.taskercore.metrics;

/**
 * Connections, of one pool or of several together.
 *
 * @param max how many there may be
 * @param waiting how many callers wait for one
 */
public record PoolUse(int max, int total, int active, int idle, int waiting) {

  public static final PoolUse NONE = new PoolUse(0, 0, 0, 0, 0);

  public PoolUse plus(PoolUse other) {
    return new PoolUse(
        max + other.max, total + other.total, active + other.active, idle + other.idle, waiting + other.waiting);
  }
}
