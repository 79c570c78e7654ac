package io.taskercore.jruby;

import io.taskercore.engine.Coordinator;
import java.util.concurrent.atomic.AtomicBoolean;

/** Closes a coordinator exactly once, whoever asks first: its owner, the garbage collector, or the end of the runtime. */
final class Lifeline {

  private final Coordinator coordinator;
  private final AtomicBoolean closed = new AtomicBoolean();
  private volatile Runnable onClose = () -> {};

  Lifeline(Coordinator coordinator) {
    this.coordinator = coordinator;
  }

  Coordinator coordinator() {
    return coordinator;
  }

  void onClose(Runnable action) {
    onClose = action;
  }

  boolean closed() {
    return closed.get();
  }

  void close() {
    if (closed.compareAndSet(false, true)) {
      end();
    }
  }

  /** Closed from here on; what that takes happens in the background. */
  void closeInBackground() {
    if (closed.compareAndSet(false, true)) {
      CoreCall.inBackground(this::end);
    }
  }

  private void end() {
    onClose.run();
    coordinator.close();
  }
}
