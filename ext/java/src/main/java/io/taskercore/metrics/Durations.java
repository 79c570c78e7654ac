package io.taskercore.metrics;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.LongSupplier;

/**
 * Durations of about the last minute, for their percentiles, and the sum of all.
 *
 * <p>It counts them in buckets that grow with the value, sixteen to each doubling. So a percentile is within 3 % of the truth from a
 * microsecond to a week, in a table of a few kilobytes. The minute is made of slices, and the oldest slice is dropped as a whole.
 * Counting takes a lock only at the turn of a slice.
 */
final class Durations {

  private static final long SLICE_NANOS = TimeUnit.SECONDS.toNanos(10);
  private static final int SLICES = SlidingSum.WINDOW_SECONDS / 10;

  /** The number of buckets to each doubling, as bits. */
  private static final int BITS = 4;

  private static final int LINEAR = 2 << BITS;
  private static final int LARGEST_BITS = 40;
  private static final int BUCKETS = LINEAR + (LARGEST_BITS - BITS - 1 << BITS);
  private static final long LARGEST_MICROS = (1L << LARGEST_BITS) - 1;

  private static final class Slice {
    final long number;
    final AtomicIntegerArray counts = new AtomicIntegerArray(BUCKETS);

    Slice(long number) {
      this.number = number;
    }
  }

  private final LongSupplier nanos;
  private final long startNanos;
  private final LongAdder count = new LongAdder();
  private final LongAdder sumNanos = new LongAdder();
  private final Deque<Slice> older = new ArrayDeque<>();
  private volatile Slice newest;

  Durations(LongSupplier nanos) {
    this.nanos = nanos;
    this.startNanos = nanos.getAsLong();
  }

  /** @param now the clock's time */
  void add(long durationNanos, long now) {
    long positive = Math.max(0, durationNanos);
    count.increment();
    sumNanos.add(positive);
    slice(now).counts.incrementAndGet(bucket(Math.min(TimeUnit.NANOSECONDS.toMicros(positive), LARGEST_MICROS)));
  }

  /** The bounds of the fastest half, of all but the slowest twentieth, and of all but the slowest hundredth, in milliseconds. */
  Percentiles percentiles() {
    long[] merged = new long[BUCKETS];
    long total = 0;
    for (Slice slice : liveSlices()) {
      for (int i = 0; i < BUCKETS; i++) {
        merged[i] += slice.counts.get(i);
      }
    }
    for (long some : merged) {
      total += some;
    }
    return new Percentiles(
        at(merged, total, 0.50), at(merged, total, 0.95), at(merged, total, 0.99), count.sum(), sumNanos.sum() / 1e9);
  }

  private Slice slice(long now) {
    long number = (now - startNanos) / SLICE_NANOS;
    Slice slice = newest;
    return slice != null && slice.number == number ? slice : turnTo(number);
  }

  private synchronized Slice turnTo(long number) {
    // Another thread was here first, perhaps with a later time.
    if (newest == null || newest.number < number) {
      if (newest != null) {
        older.addLast(newest);
      }
      newest = new Slice(number);
      forget(number);
    }
    return newest;
  }

  private synchronized Iterable<Slice> liveSlices() {
    forget((nanos.getAsLong() - startNanos) / SLICE_NANOS);
    Deque<Slice> live = new ArrayDeque<>(older);
    if (newest != null) {
      live.addLast(newest);
    }
    return live;
  }

  private void forget(long now) {
    while (!older.isEmpty() && older.peekFirst().number <= now - SLICES) {
      older.removeFirst();
    }
    if (newest != null && newest.number <= now - SLICES) {
      newest = null;
    }
  }

  static int bucket(long micros) {
    if (micros < LINEAR) {
      return (int) micros;
    }
    int shift = Long.SIZE - Long.numberOfLeadingZeros(micros) - BITS - 1;
    return (shift << BITS) + (int) (micros >>> shift);
  }

  /** The middle of a bucket, in microseconds. */
  static double middle(int bucket) {
    if (bucket < LINEAR) {
      return bucket;
    }
    int shift = (bucket >> BITS) - 1;
    long from = (long) (bucket - (shift << BITS)) << shift;
    return from + ((1L << shift) - 1) / 2.0;
  }

  private static double at(long[] counts, long total, double share) {
    long wanted = (long) Math.ceil(share * total);
    long seen = 0;
    for (int i = 0; i < counts.length; i++) {
      seen += counts[i];
      if (seen >= wanted && seen > 0) {
        return middle(i) / 1_000;
      }
    }
    return 0;
  }
}
