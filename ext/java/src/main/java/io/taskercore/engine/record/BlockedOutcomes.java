package io.taskercore.engine.record;

import io.taskercore.engine.claim.UnconfirmedClaims;
import io.taskercore.engine.clock.Deadline;
import io.taskercore.engine.threads.Monitor;
import io.taskercore.engine.threads.Threads;
import io.taskercore.model.Format;
import io.taskercore.model.TaskerException;
import io.taskercore.store.Database;
import io.taskercore.store.RowLocks;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Outcomes of tasks that somebody else keeps locked, such as a session that is idle in its transaction, or a prepared transaction. The
 * outcomes wait here, on one thread and one connection, so that no other task waits with them.
 *
 * <ol>
 *   <li>A look tells which of the tasks are free again. Looks are frequent at first and become rarer. The outcomes of free tasks are
 *       recorded together.
 *   <li>If no task is free, the thread waits in the queue for the lock of one of them, each in turn: a row that many sessions lock for a
 *       moment each is never found free.
 *   <li>If outcomes have waited for a second, they are reported, with the one who keeps them waiting: once in the log, and in
 *       {@code health}.
 * </ol>
 */
final class BlockedOutcomes {

  private static final Logger LOG = LoggerFactory.getLogger(BlockedOutcomes.class);

  private static final long FIRST_PAUSE_MS = 20;
  private static final long LONGEST_PAUSE_MS = 500;
  private static final int MOST_AT_ONCE = 100;
  private static final long TOLD_AFTER_NANOS = TimeUnit.SECONDS.toNanos(1);

  /** One session may keep thousands of tasks locked; a few of them tell enough. */
  private static final int TOLD = 3;

  private static final long LOOK_AGAIN_NANOS = TimeUnit.SECONDS.toNanos(5);

  private final OutcomeTransactions outcomes;
  private final Database database;
  private final UnconfirmedClaims unconfirmed;
  private final Consumer<Completion> recorder;
  private final RowLocks locks = new RowLocks();
  private final Monitor monitor = new Monitor();

  /** The keys are task ids, in the order in which the tasks came. */
  private final Map<Long, Blocked> tasks = new LinkedHashMap<>();

  /** Whether there are any. It is read without the monitor, because usually there are none. */
  private volatile boolean occupied;

  private int turn;
  private boolean running;
  private boolean ending;

  /** @param recorder takes outcomes that PostgreSQL refuses for a reason other than a lock */
  BlockedOutcomes(
      OutcomeTransactions outcomes, Database database, UnconfirmedClaims unconfirmed, Consumer<Completion> recorder) {
    this.outcomes = outcomes;
    this.database = database;
    this.unconfirmed = unconfirmed;
    this.recorder = recorder;
  }

  /** A task that somebody else keeps locked, and the outcomes that wait for it. */
  private static final class Blocked {
    private final List<Completion> completions = new ArrayList<>();
    private final long sinceNanos = System.nanoTime();
    private String holder;

    /** When we last looked who keeps it locked; null if never. */
    private Long lookedNanos;

    private boolean isOld() {
      return System.nanoTime() - sinceNanos >= TOLD_AFTER_NANOS;
    }

    private boolean isToBeLookedAt() {
      return isOld() && (lookedNanos == null || System.nanoTime() - lookedNanos >= LOOK_AGAIN_NANOS);
    }
  }

  /** @return false if its task is not known to be locked */
  boolean join(Completion completion) {
    return occupied && monitor.changeAndGet(() -> {
      Blocked task = tasks.get(completion.attempt().taskId());
      if (task != null) {
        task.completions.add(completion);
      }
      return task != null;
    });
  }

  /** Adds outcomes whose tasks are locked. */
  void add(List<Completion> completions) {
    boolean starts = monitor.changeAndGet(() -> {
      for (Completion completion : completions) {
        tasks.computeIfAbsent(completion.attempt().taskId(), id -> new Blocked()).completions.add(completion);
      }
      occupied = !tasks.isEmpty();
      boolean first = !running && occupied;
      running |= first;
      return first;
    });
    if (starts) {
      Threads.named("blocked").newThread(this::run).start();
    }
  }

  private void run() {
    long pauseMs = FIRST_PAUSE_MS;
    while (goesOn()) {
      try {
        pauseMs = round() ? FIRST_PAUSE_MS : Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
        tell();
      } catch (TaskerException.Database away) {
        unconfirmed.suspect();
        pauseMs = LONGEST_PAUSE_MS;
        LOG.debug("recorder: {}", away.getMessage());
      } catch (RuntimeException | Error fault) {
        pauseMs = LONGEST_PAUSE_MS;
        LOG.error("recorder: outcomes of locked tasks are tried again after {}", fault.getMessage(), fault);
      }
      try {
        monitor.await(() -> ending, TimeUnit.MILLISECONDS.toNanos(pauseMs), () -> null);
      } catch (InterruptedException told) {
        return;
      }
    }
  }

  private boolean goesOn() {
    return monitor.changeAndGet(() -> running = !tasks.isEmpty() && !ending);
  }

  private List<Completion> waiting() {
    return monitor.get(() -> tasks.values().stream().flatMap(task -> task.completions.stream()).toList());
  }

  /** @return whether something was recorded */
  private boolean round() {
    List<Completion> all = waiting();
    Set<Long> locked = database.call(connection -> locks.lockedTasks(connection, stepIds(all)));
    List<Completion> free = all.stream().filter(completion -> !locked.contains(completion.attempt().taskId())).toList();
    if (!free.isEmpty()) {
      List<Completion> some = free.subList(0, Math.min(MOST_AT_ONCE, free.size()));
      return record(some) || recordApart(some);
    }
    return record(monitor.get(() ->
        List.copyOf(tasks.values().stream().skip(turn++ % tasks.size()).findFirst().orElseThrow().completions)));
  }

  /** Records the outcomes of each task separately, because one of the tasks has a lock that the look does not see. */
  private boolean recordApart(List<Completion> some) {
    Map<Long, List<Completion>> byTask = new LinkedHashMap<>();
    some.forEach(completion -> byTask.computeIfAbsent(completion.attempt().taskId(), id -> new ArrayList<>()).add(completion));
    return byTask.values().stream().filter(this::record).count() > 0;
  }

  /** @return false if a row is locked */
  private boolean record(List<Completion> some) {
    try {
      outcomes.record(some);
      remove(some);
    } catch (TaskerException.Database failure) {
      if (failure.isLocked()) {
        return false;
      }
      if (failure.isTransient() && !ResultRecorder.isAboutSize(failure)) {
        throw failure;
      }
      handOn(some);
    } catch (RuntimeException | Error fault) {
      LOG.debug("recorder: {} outcomes go to the recorder, which sees to what keeps them from being recorded", some.size(), fault);
      handOn(some);
    }
    return true;
  }

  private void handOn(List<Completion> some) {
    remove(some);
    some.forEach(recorder);
  }

  private void remove(List<Completion> recorded) {
    monitor.change(() -> {
      recorded.forEach(completion -> tasks.computeIfPresent(completion.attempt().taskId(), (id, task) -> {
        task.completions.removeIf(one -> one == completion);
        return task.completions.isEmpty() ? null : task;
      }));
      occupied = !tasks.isEmpty();
    });
  }

  /** Finds out who keeps the first ones waiting, and logs it. */
  private void tell() {
    Map<Long, List<Completion>> old = new LinkedHashMap<>();
    monitor.change(() -> tasks.entrySet().stream().limit(TOLD).filter(task -> task.getValue().isToBeLookedAt())
        .forEach(task -> old.put(task.getKey(), List.copyOf(task.getValue().completions))));
    old.forEach((taskId, completions) -> {
      String holder = database.call(connection -> locks.holder(connection, stepIds(completions)));
      if (isNews(taskId, holder)) {
        LOG.warn("recorder: {} results of task {} wait for {}", completions.size(), taskId, described(holder));
      }
    });
  }

  private boolean isNews(long taskId, String holder) {
    return monitor.changeAndGet(() -> {
      Blocked task = tasks.get(taskId);
      if (task == null) {
        return false;
      }
      boolean first = task.lookedNanos == null;
      task.holder = holder;
      task.lookedNanos = System.nanoTime();
      return first;
    });
  }

  private static String described(String holder) {
    return holder == null ? "rows that somebody else has locked" : "what is locked by " + holder;
  }

  private static List<Long> stepIds(List<Completion> completions) {
    return completions.stream().map(completion -> completion.attempt().stepId()).toList();
  }

  /** Says in words which tasks have waited long, and for whom. It names the first few, and counts the others. */
  List<String> reasons() {
    return monitor.get(() -> {
      List<String> reasons = new ArrayList<>();
      tasks.entrySet().stream().limit(TOLD).filter(task -> task.getValue().isOld()).forEach(task -> reasons.add(Format.text(
          "%d results of task %d wait for %s",
          task.getValue().completions.size(), task.getKey(), described(task.getValue().holder))));
      if (tasks.size() > TOLD) {
        reasons.add(Format.text("results of %d other tasks wait for locked rows, too", tasks.size() - TOLD));
      }
      return reasons;
    });
  }

  int size() {
    return waiting().size();
  }

  /**
   * Lets the outcomes wait a while longer, then gives up.
   *
   * @return the outcomes that are left
   */
  List<Completion> end(Deadline deadline) {
    try {
      monitor.await(() -> tasks.isEmpty(), TimeUnit.MILLISECONDS.toNanos(deadline.leftMs()), () -> null);
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
    }
    List<Completion> left = waiting();
    monitor.change(() -> ending = true);
    return left;
  }
}
