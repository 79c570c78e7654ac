package io.taskercore.engine;

import io.taskercore.model.Format;
import io.taskercore.model.TaskerException;
import io.taskercore.store.Database.Watch;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Logs that PostgreSQL is away: when it goes, once a minute while it is away, and when it is back. All parts of the engine notice an
 * outage, and try again for as long as it takes; so none of them logs it.
 */
final class Outage implements Watch {

  private static final Logger LOG = LoggerFactory.getLogger(Outage.class);

  private static final long TOLD_EACH_NANOS = TimeUnit.MINUTES.toNanos(1);

  private final LongSupplier nanos;
  private final Consumer<String> warning;
  private final Consumer<String> information;
  private volatile boolean away;
  private boolean told;
  private long sinceNanos;
  private Long toldNanos;

  Outage() {
    this(System::nanoTime, LOG::warn, LOG::info);
  }

  /** @param nanos the time, in nanoseconds since any moment */
  Outage(LongSupplier nanos, Consumer<String> warning, Consumer<String> information) {
    this.nanos = nanos;
    this.warning = warning;
    this.information = information;
  }

  @Override
  public void worked() {
    if (away) {
      over();
    }
  }

  private synchronized void over() {
    if (away && told) {
      information.accept(Format.text("database: PostgreSQL is back, after %d s", seconds()));
    }
    away = false;
  }

  @Override
  public synchronized void failed(TaskerException.Database failure) {
    if (!failure.isOutage()) {
      return;
    }
    boolean goes = !away;
    if (goes) {
      away = true;
      told = false;
      sinceNanos = nanos.getAsLong();
    }
    if (toldNanos == null || nanos.getAsLong() - toldNanos >= TOLD_EACH_NANOS) {
      toldNanos = nanos.getAsLong();
      told = true;
      warning.accept(goes
          ? Format.text("%s. What waits for PostgreSQL is tried again until it is back", failure.getMessage())
          : Format.text("database: PostgreSQL has been away for %d s (%s)", seconds(), failure.getMessage()));
    }
  }

  private long seconds() {
    return TimeUnit.NANOSECONDS.toSeconds(nanos.getAsLong() - sinceNanos);
  }
}
