package io.taskercore.jruby;

import io.taskercore.engine.Attempt;

/** While a handler waits for another task, its place among the running ones is lent to others. */
final class SlotLoan {

  /** The attempt that this thread runs. Holds nothing of Ruby's. */
  private static final ThreadLocal<Attempt> CURRENT = new ThreadLocal<>();

  private final Attempt lender;

  private SlotLoan(Attempt lender) {
    this.lender = lender;
  }

  static void lenderIs(Attempt attempt) {
    CURRENT.set(attempt);
  }

  static void noLender() {
    CURRENT.remove();
  }

  /** Lends the slot of the attempt that runs on this thread, if one does. */
  static SlotLoan ofThisThread() {
    Attempt lender = CURRENT.get();
    if (lender != null) {
      lender.lendSlot();
    }
    return new SlotLoan(lender);
  }

  void end() {
    if (lender != null) {
      lender.reclaimSlot();
    }
  }
}
