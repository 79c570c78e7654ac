package io.taskercore.jruby;

import io.taskercore.engine.attempt.HandlerDirectory;
import java.lang.ref.WeakReference;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The names for which a coordinator has handlers, for the core to ask.
 *
 * <p>The core holds this object for as long as it works for the coordinator. The handlers themselves hang on the handle, to which this
 * object has a weak reference. So a handler that refers to its own coordinator, as a block easily does, does not keep it from being
 * collected.
 */
final class KnownHandlers implements HandlerDirectory {

  private final Set<String> names = ConcurrentHashMap.newKeySet();
  private volatile WeakReference<CoordinatorHandle> handle = new WeakReference<>(null);

  void serve(CoordinatorHandle owner) {
    handle = new WeakReference<>(owner);
  }

  /** Null once the handle was dropped. */
  CoordinatorHandle handle() {
    return handle.get();
  }

  @Override
  public boolean has(String handler) {
    return names.contains(handler);
  }

  void add(String handler) {
    names.add(handler);
  }

  void remove(String handler) {
    names.remove(handler);
  }
}
