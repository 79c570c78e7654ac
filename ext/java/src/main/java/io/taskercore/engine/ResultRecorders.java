package io.taskercore.engine;

import io.taskercore.store.Database;
import java.util.List;
import java.util.stream.IntStream;

/**
 * The recorders of a database. Each task has one of them, so they never wait for each other's locks, and together they keep more
 * than one of the server's processors at work.
 */
final class ResultRecorders implements AutoCloseable {

  /** The more there are, the smaller their batches; and the pool is for others too. */
  private static final int MOST = 4;

  private static final int CONNECTIONS_FOR_EACH = 8;

  private static final long CLOSE_MS = 30_000;

  private final List<ResultRecorder> recorders;

  /** @param poolSize of the handle that opened the pool */
  ResultRecorders(CoreRuntime runtime, Database database, int poolSize) {
    int count = Math.max(1, Math.min(MOST, poolSize / CONNECTIONS_FOR_EACH));
    OutcomeTransactions outcomes = new OutcomeTransactions(runtime, database);
    recorders = IntStream.range(0, count).mapToObj(i -> new ResultRecorder(runtime, outcomes)).toList();
  }

  ResultRecorder of(long taskId) {
    return recorders.get((int) (taskId % recorders.size()));
  }

  /** Waits until everything that has arrived is recorded, then ends. */
  @Override
  public void close() {
    Deadline deadline = Deadline.in(CLOSE_MS);
    recorders.forEach(ResultRecorder::end);
    recorders.forEach(recorder -> recorder.awaitEnd(deadline));
  }
}
