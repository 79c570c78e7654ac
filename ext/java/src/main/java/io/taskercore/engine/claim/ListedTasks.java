package io.taskercore.engine.claim;

import io.taskercore.store.Claimant;
import io.taskercore.store.TaskList;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/**
 * Keeps short the list by which others find the steps of this process if it dies.
 *
 * <p>Each statement that claims writes a row with its tasks. The row is no longer needed once its claims are in flight here. So the next
 * renewal of the lease replaces all such rows by one row with all tasks in flight. No row is replaced while there may be claims whose
 * confirmation was lost.
 */
public final class ListedTasks {

  private final Supplier<Set<Long>> held;
  private final BooleanSupplier inDoubt;

  /** Numbers of statements whose claims are in flight, or are known to be gone. */
  private final Queue<Long> settled = new ConcurrentLinkedQueue<>();

  /** The numbers of rows that may exist. This field and the following ones belong to the thread that renews the lease. */
  private List<Long> replaceable = new ArrayList<>();

  /** The tasks in our newest row; null if they are not known. */
  private Set<Long> written;

  /**
   * @param held the tasks in flight, and those of claims that are being given back
   * @param inDoubt whether the process may hold claims that it does not know of
   */
  public ListedTasks(Supplier<Set<Long>> held, BooleanSupplier inDoubt) {
    this.held = held;
    this.inDoubt = inDoubt;
  }

  /** The claims of the statement are in flight by now, or are being given back. */
  public void settled(Claimant claimant) {
    settled.add(claimant.jump());
  }

  /** What the next renewal must write; null if it need write nothing, because the list is good enough. */
  public TaskList next() {
    for (Long jump = settled.poll(); jump != null; jump = settled.poll()) {
      replaceable.add(jump);
    }
    // The tasks must be read after that: what was settled by now is among them, or has ended.
    Set<Long> now = held.get();
    // The doubt must be looked at last: it was raised before its row was settled, and before its task was let go.
    if (inDoubt.getAsBoolean()) {
      return null;
    }
    boolean shrunk = written != null && 2 * now.size() < written.size();
    if (written != null && !shrunk && replaceable.size() <= 1 && written.containsAll(now)) {
      return null;
    }
    return new TaskList(Claimant.newJump(), List.copyOf(replaceable), now);
  }

  /** The renewal was sent. Unless it has succeeded, nobody knows whether its row is there. */
  public void sent(TaskList list) {
    replaceable.add(list.jump());
    written = null;
  }

  /** The renewal has succeeded. */
  public void done(TaskList list) {
    replaceable = new ArrayList<>(List.of(list.jump()));
    written = list.taskIds();
  }

  /** The database may have lost what was written. */
  public void writeAnew() {
    written = null;
  }
}
