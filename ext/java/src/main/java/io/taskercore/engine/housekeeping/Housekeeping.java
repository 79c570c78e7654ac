package io.taskercore.engine.housekeeping;

import io.taskercore.engine.claim.UnconfirmedClaims;
import io.taskercore.engine.clock.Deadline;
import io.taskercore.engine.housekeeping.ProcessLease.News;
import io.taskercore.engine.threads.Loop;
import java.util.List;
import java.util.function.BooleanSupplier;

/**
 * What a process does again and again once it has claimed something: it renews its {@link ProcessLease}, looks for claims that were
 * never confirmed, is a {@link Reaper} of dead processes, and a {@link Sweeper}. Each has a thread of its own: what one of them waits
 * for, a connection of the pool for instance, is nothing that the lease may wait for.
 */
public final class Housekeeping {

  private final ProcessLease lease;
  private final Reaper reaper;
  private final UnconfirmedClaims unconfirmed;
  private final BooleanSupplier holdsClaims;
  private final Loop keepers;
  private final Loop lookers;
  private final Loop reapers;
  private final Loop sweepers;
  private boolean started;

  /** @param holdsClaims whether there are claims at the end that could not be given back */
  public Housekeeping(
      ProcessLease lease,
      Reaper reaper,
      Sweeper sweeper,
      UnconfirmedClaims unconfirmed,
      BooleanSupplier holdsClaims,
      int sweepIntervalMs) {
    this.holdsClaims = holdsClaims;
    this.lease = lease;
    this.reaper = reaper;
    this.unconfirmed = unconfirmed;
    this.keepers = new Loop("lease", lease::untilNextRenewalMs, this::renew);
    this.lookers = new Loop("claims", () -> lease.leaseMs() / 3, () -> unconfirmed.look(lease.processId()));
    this.reapers = new Loop("reaper", reaper::untilNextRoundMs, reaper::round);
    this.sweepers = new Loop("sweeper", () -> sweepIntervalMs, sweeper::round);
  }

  /** The id under which this process holds claims; from the first call on, its lease is renewed. */
  public long processId() {
    Long id = lease.processId();
    return id != null ? id : start();
  }

  private synchronized long start() {
    if (!started) {
      lease.register();
      started = true;
      loops().forEach(Loop::start);
    }
    return lease.processId();
  }

  private List<Loop> loops() {
    return List.of(sweepers, reapers, lookers, keepers);
  }

  private void renew() {
    News news = lease.renew();
    if (news.doubt()) {
      unconfirmed.doubt();
      lookers.soon();
    }
    if (news.orphans()) {
      reaper.wantSweep();
    }
    if (news.orphans() || news.othersLapsed()) {
      reapers.soon();
    }
  }

  /** Ends the threads, then the lease. */
  public void close(Deadline deadline) {
    boolean running;
    synchronized (this) {
      running = started;
      started = true;
    }
    if (running) {
      loops().forEach(Loop::stop);
      loops().forEach(loop -> loop.awaitEnd(deadline.leftMs()));
      lease.end(holdsClaims.getAsBoolean(), keepers.hasEnded());
    }
  }
}
