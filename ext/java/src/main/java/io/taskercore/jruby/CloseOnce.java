package io.taskercore.jruby;

import io.taskercore.engine.Coordinator;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Closes a coordinator exactly once, whoever asks first: its owner, the garbage collector, or the end of the runtime. That takes as
 * long as its handlers do, and all who ask wait for it: the process must not end while one who has given up waiting was the first.
 */
final class CloseOnce {

  private final Coordinator coordinator;
  private final AtomicBoolean closed = new AtomicBoolean();
  private final CompletableFuture<Void> ended = new CompletableFuture<>();
  private volatile Runnable onEnd = () -> {};

  CloseOnce(Coordinator coordinator) {
    this.coordinator = coordinator;
  }

  Coordinator coordinator() {
    return coordinator;
  }

  void onEnd(Runnable action) {
    onEnd = action;
  }

  /** Also while it still takes its time to close. */
  boolean closed() {
    return closed.get();
  }

  void close() {
    if (closed.compareAndSet(false, true)) {
      end();
    } else {
      ended.join();
    }
  }

  /** Closed from here on; what that takes happens in the background. */
  void closeInBackground() {
    if (closed.compareAndSet(false, true)) {
      CoreCall.inBackground(this::end);
    }
  }

  private void end() {
    try {
      coordinator.close();
    } finally {
      onEnd.run();
      ended.complete(null);
    }
  }
}
