package io.taskercore.jruby;

import io.taskercore.engine.Coordinator;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Closes a coordinator exactly once, whoever asks first: its owner, the garbage collector, or the end of the runtime. Closing takes as
 * long as the coordinator's handlers do, and everybody who asks waits for it. So the process does not end early if the first one to ask
 * has given up waiting.
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

  /** Already true while it is still closing. */
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

  /** Closed from here on; the closing itself happens in the background. */
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
