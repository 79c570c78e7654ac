package io.taskercore.template;

import com.networknt.schema.Error;
import com.networknt.schema.ExecutionContext;
import io.taskercore.model.Caller;

/**
 * Bounds what one check of a payload may cost. A legal schema can ask for work that doubles with each level of its alternatives, or with
 * each character that a pattern looks at. So both are counted, and the check ends when they are used up, or when its caller has gone.
 */
final class Effort extends ExecutionContext {

  /**
   * How much of everything is allowed: a fixed amount, and an amount for each byte of the payload.
   *
   * @param steps keywords that are looked at
   * @param characters that patterns look at, including each time they go back
   * @param errors that are kept, including those of alternatives that fail
   */
  record Limits(long steps, long stepsPerByte, long characters, long charactersPerByte, long errors) {

    /** At most about a second of one processor for a small payload, and some seconds for a payload of one MiB. */
    static final Limits USUAL = new Limits(200_000, 10, 20_000_000, 100, 50_000);
  }

  /** The effort is used up. */
  static final class Exhausted extends RuntimeException {
    private static final long serialVersionUID = 1L;

    Exhausted(String problem) {
      super(problem, null, false, false);
    }
  }

  private static final int LOOKS = 0x3ff;

  private static final ThreadLocal<Effort> CURRENT = new ThreadLocal<>();

  private long steps;
  private long characters;
  private long errors;
  private Effort outer;

  /** @param size the payload's, in bytes */
  Effort(Limits limits, int size) {
    steps = limits.steps() + limits.stepsPerByte() * size;
    characters = limits.characters() + limits.charactersPerByte() * size;
    errors = limits.errors();
  }

  /** From here on, the patterns that this thread looks with count. */
  void begin() {
    outer = CURRENT.get();
    CURRENT.set(this);
  }

  void end() {
    if (outer == null) {
      CURRENT.remove();
    } else {
      CURRENT.set(outer);
    }
  }

  /** Each keyword adds itself to the path, and so does each value, so each counts as a step here. */
  @Override
  public void evaluationPathAddLast(String keyword) {
    step();
    super.evaluationPathAddLast(keyword);
  }

  @Override
  public void evaluationPathAddLast(int index) {
    step();
    super.evaluationPathAddLast(index);
  }

  @Override
  public void addError(Error error) {
    if (--errors < 0) {
      throw new Exhausted("its alternatives fail in too many ways");
    }
    super.addError(error);
  }

  private void step() {
    if (--steps < 0) {
      throw new Exhausted("its alternatives and references take too many steps");
    }
    if ((steps & LOOKS) == 0) {
      endWithoutCaller();
    }
  }

  /** The running check of this thread, or null. */
  static Effort current() {
    return CURRENT.get();
  }

  /** A pattern looks at a character. */
  void character() {
    if (--characters < 0) {
      throw new Exhausted("a pattern takes too many steps");
    }
    if ((characters & LOOKS) == 0) {
      endWithoutCaller();
    }
  }

  private static void endWithoutCaller() {
    if (Caller.isGone()) {
      throw new Exhausted("nobody waits for the answer any more");
    }
  }
}
