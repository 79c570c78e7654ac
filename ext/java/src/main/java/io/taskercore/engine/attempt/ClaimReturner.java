package io.taskercore.engine.attempt;

import io.taskercore.model.ClaimedStep;
import java.util.List;

/** Gives claims back, so that their steps run again. */
@FunctionalInterface
public interface ClaimReturner {

  /** @param started whether the attempts began, and so count */
  void giveBack(List<ClaimedStep> claims, boolean started);
}
