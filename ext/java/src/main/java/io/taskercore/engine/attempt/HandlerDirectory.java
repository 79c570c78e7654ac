package io.taskercore.engine.attempt;

/** Which handlers are at hand; asked from the core's own threads, so a plain look-up that never blocks. */
@FunctionalInterface
public interface HandlerDirectory {

  boolean has(String handler);
}
