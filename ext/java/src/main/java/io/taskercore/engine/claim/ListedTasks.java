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
 * Keeps short what the database knows of the tasks of which this process holds steps, should it die.
 *
 * <p>Each statement that claims writes down its tasks. Once its claims are in flight here, that row has had its time: the next
 * renewal of the lease puts one row with all tasks in flight in the place of all such rows. As long as claims may have been made
 * whose confirmation was lost, no row goes.
 */
public final class ListedTasks {

  private final Supplier<Set<Long>> held;
  private final BooleanSupplier inDoubt;

  /** Numbers of statements whose claims are in flight, or are known to be gone. */
  private final Queue<Long> settled = new ConcurrentLinkedQueue<>();

  /** The rest is for the one who renews the lease. Numbers of rows that there may be. */
  private List<Long> replaceable = new ArrayList<>();

  /** What the newest row of ours says; null where that is not known. */
  private Set<Long> written;

  /**
   * @param held the tasks in flight, and those of claims that are being given back
   * @param inDoubt whether the process may hold claims that it does not know of
   */
  public ListedTasks(Supplier<Set<Long>> held, BooleanSupplier inDoubt) {
    this.held = held;
    this.inDoubt = inDoubt;
  }

  /** What the statement has claimed is in flight by now, or on its way back. */
  public void settled(Claimant claimant) {
    settled.add(claimant.jump());
  }

  /** What the next renewal is to write; null where that would change nothing of importance. */
  public TaskList next() {
    // Asked first: whoever lets a task go after a lost answer has raised the doubt before.
    if (inDoubt.getAsBoolean()) {
      return null;
    }
    for (Long jump = settled.poll(); jump != null; jump = settled.poll()) {
      replaceable.add(jump);
    }
    // Read last: what was settled is in flight, or has ended.
    Set<Long> now = held.get();
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
