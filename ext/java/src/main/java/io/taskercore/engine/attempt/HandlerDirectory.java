package io.taskercore.engine.attempt;

/** Knows which handlers are at hand. The core's own threads ask it, so it must be a plain look-up that never blocks. */
@FunctionalInterface
public interface HandlerDirectory {

  boolean has(String handler);
}
