package io.taskercore.engine;

import io.taskercore.config.ConnectionMode;
import java.util.function.Supplier;

/** How this process connects: as was found at its start, until it finds a pooler that lends sessions for one transaction. */
final class CurrentMode implements Supplier<ConnectionMode> {

  private volatile ConnectionMode mode;

  CurrentMode(ConnectionMode mode) {
    this.mode = mode;
  }

  @Override
  public ConnectionMode get() {
    return mode;
  }

  boolean isDirect() {
    return mode == ConnectionMode.DIRECT;
  }

  /** What is connected from now on leaves no settings of the engine's on a session. */
  void poolerFound() {
    mode = ConnectionMode.POOLER;
  }
}
