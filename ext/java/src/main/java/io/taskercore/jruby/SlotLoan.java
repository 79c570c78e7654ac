package io.taskercore.jruby;

import org.jruby.runtime.ThreadContext;

/** While a handler waits for another task, its place among the running ones is lent to others. */
final class SlotLoan {

  private final Lender lender;

  private SlotLoan(Lender lender) {
    this.lender = lender;
  }

  /** Lends the place of the handler on whose behalf this thread runs, if there is one; {@link #end} must follow. */
  static SlotLoan ofThisThread(ThreadContext context) {
    Lender lender = Lender.here(context);
    if (lender != null) {
      lender.lend();
    }
    return new SlotLoan(lender);
  }

  void end() {
    if (lender != null) {
      lender.reclaim();
    }
  }
}
