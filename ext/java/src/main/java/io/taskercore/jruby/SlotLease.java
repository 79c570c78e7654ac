package io.taskercore.jruby;

import io.taskercore.engine.attempt.Attempt;
import org.jruby.RubyThread;
import org.jruby.runtime.ThreadContext;

/**
 * A running handler's slot, known to everything that runs on the handler's behalf: its thread, the fibers in that thread, and threads
 * that the handler starts (but not the fibers in those).
 *
 * <p>While any of these waits for other steps, the slot is lent to others, once; otherwise, with {@code max_parallel_steps: 1}, the
 * handler would wait for itself. Once the handler has ended nothing is lent any more, whoever still refers to this object.
 */
final class SlotLease {

  /** For threads that the handler starts. Never read by the pooled threads of fibers, which the handler may also have started. */
  private static final InheritableThreadLocal<SlotLease> INHERITED = new InheritableThreadLocal<>();

  /** For the handler's thread and its fibers, which run on Java threads of their own. */
  private static final String VARIABLE = "tasker_core_slot_lease";

  /** Null once the handler has ended. */
  private Attempt attempt;

  private int loans;

  private SlotLease(Attempt attempt) {
    this.attempt = attempt;
  }

  /** The calling thread runs the attempt's handler from here on; {@link #end} must follow. */
  static SlotLease begin(ThreadContext context, Attempt attempt) {
    SlotLease lease = new SlotLease(attempt);
    context.getThread().setInternalVariable(VARIABLE, lease);
    INHERITED.set(lease);
    return lease;
  }

  /** The calling thread is the library's own and serves other handlers too, even if a handler's thread has started it. */
  static void disinherit() {
    INHERITED.remove();
  }

  void end(ThreadContext context) {
    INHERITED.remove();
    context.getThread().removeInternalVariable(VARIABLE);
    synchronized (this) {
      if (loans > 0) {
        // One of the handler's threads still waits: the handler has ended without it.
        attempt.reclaimSlot();
      }
      attempt = null;
    }
  }

  /** The handler on whose behalf this thread runs; null if there is none, or if this is a fiber in a thread that a handler started. */
  static SlotLease here(ThreadContext context) {
    RubyThread thread = context.getFiberCurrentThread();
    Object known = thread.getInternalVariable(VARIABLE);
    if (known != null) {
      return (SlotLease) known;
    }
    // A fiber's Java thread may have been started by any handler, long ago.
    return thread == context.getThread() ? INHERITED.get() : null;
  }

  /** Whether this thread runs on behalf of a handler of that coordinator; such a handler must not wait for its own end. */
  static boolean isOf(KnownHandlers coordinator, ThreadContext context) {
    SlotLease here = here(context);
    return here != null && here.isOf(coordinator);
  }

  private synchronized boolean isOf(KnownHandlers coordinator) {
    return attempt != null && attempt.directory() == coordinator;
  }

  /**
   * Lends the slot of the handler on whose behalf this thread runs, if there is one.
   *
   * @return the lease to pass to {@link #reclaim} afterwards; null if there is no handler
   */
  static SlotLease lend(ThreadContext context) {
    SlotLease lease = here(context);
    if (lease != null) {
      lease.lend();
    }
    return lease;
  }

  /** @param lent what {@link #lend} has returned */
  static void reclaim(SlotLease lent) {
    if (lent != null) {
      lent.reclaim();
    }
  }

  private synchronized void lend() {
    if (loans++ == 0 && attempt != null) {
      attempt.lendSlot();
    }
  }

  private synchronized void reclaim() {
    if (--loans == 0 && attempt != null) {
      attempt.reclaimSlot();
    }
  }
}
