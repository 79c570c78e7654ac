package io.taskercore.store;

import io.taskercore.model.ClaimedStep.Claim;
import io.taskercore.model.Format;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/**
 * Compares a task's counters and queue rows with its steps, and corrects them. The states of the steps are the truth: a counter can only
 * disagree with them through a fault of ours, or because somebody wrote to the tables.
 *
 * <p>A look takes no lock: one statement sees one moment, in which everything agrees. A correction takes the task's lock and those of its
 * queue rows, which waits for claims that are under way; from then on nobody else changes the task.
 */
public final class Audit {

  /**
   * What a look has found.
   *
   * @param taskIds tasks that are not as they should be
   * @param last the last id that the look has reached; null if it came to the end
   */
  public record Look(List<Long> taskIds, Long last) {}

  /** How much a look may read. */
  public record Bounds(int tasks, int steps) {}

  private static final String UNSATISFIED = """
      (SELECT count(*)
       FROM unnest(s.parents) AS p(ordinal)
       JOIN tasker.workflow_steps parent ON parent.task_id = s.task_id AND parent.step_id = tasker.step_id(s.task_id, p.ordinal)
       WHERE NOT tasker.is_satisfied(parent.state))""";

  /** What a task's counters should be, computed from its steps {@code s}. */
  private static final String COUNTED = Sql.of("""
      count(*) FILTER (WHERE tasker.is_active(s.state))::integer AS active,
      count(*) FILTER (WHERE s.state = {error})::integer AS failed""");

  /** Tasks that have not ended, in the order of their ids (tasks_unfinished). */
  private static final String BATCH = Sql.of("""
      batch AS MATERIALIZED (
        SELECT b.task_id, b.active_steps, b.failed_steps
        FROM (
          SELECT u.*, sum(u.total_steps) OVER (ORDER BY u.task_id) - u.total_steps AS steps_before
          FROM (
            (SELECT task_id, active_steps, failed_steps, total_steps FROM tasker.tasks
             WHERE state = {pending} AND task_id > ? ORDER BY task_id LIMIT ?)
            UNION ALL
            (SELECT task_id, active_steps, failed_steps, total_steps FROM tasker.tasks
             WHERE state = {in_progress} AND task_id > ? ORDER BY task_id LIMIT ?)
            ORDER BY task_id
            LIMIT ?) u) b
        WHERE b.steps_before < ?
      )""");

  /**
   * Looks at tasks that have not ended, in the order of their ids (tasks_unfinished, then primary keys).
   *
   * @param after the id after which to begin
   */
  public Look unended(Connection connection, long after, Bounds bounds) throws SQLException {
    String sql = Format.text(Sql.of("""
        WITH %3$s, wrong AS (
          SELECT b.task_id
          FROM batch b
          CROSS JOIN LATERAL (
            SELECT %2$s
            FROM tasker.workflow_steps s
            WHERE s.task_id = b.task_id) c
          WHERE b.active_steps <> c.active OR b.failed_steps <> c.failed
          UNION
          SELECT s.task_id
          FROM batch b
          JOIN tasker.workflow_steps s ON s.task_id = b.task_id
          LEFT JOIN tasker.step_queue q ON q.task_id = s.task_id AND q.step_id = s.step_id
          WHERE q.state IS DISTINCT FROM CASE WHEN tasker.is_queued(s.state) THEN s.state END
             OR (tasker.may_wait(s.state) AND (s.waiting_on <> %1$s OR (s.state = {pending} AND s.waiting_on = 0)))
        )
        SELECT w.task_id, (SELECT max(task_id) FROM batch) AS last FROM wrong w
        UNION ALL
        SELECT NULL, max(task_id) FROM batch
        ORDER BY 1"""), UNSATISFIED, COUNTED, BATCH);
    return lookAtBatch(connection, sql, after, bounds);
  }

  /**
   * Who holds steps in progress.
   *
   * @param orphaned tasks of which nobody holds one who lives
   * @param ours what a process holds, as the database has it
   */
  public record Held(Set<Long> orphaned, List<Claim> ours) {}

  /**
   * Looks at the same tasks for what no list tells of: steps in progress that nobody holds who lives, and those that a process has held for
   * over a minute. A reaper finds the former by what the dead had listed, and a process knows of the latter.
   */
  public Held held(Connection connection, long processId, long after, Bounds bounds) throws SQLException {
    String sql = Format.text(Sql.of("""
        WITH %1$s
        SELECT s.task_id, s.step_id, s.fence, s.process_id = ? AS ours
        FROM batch b
        JOIN tasker.workflow_steps s ON s.task_id = b.task_id
        LEFT JOIN tasker.processes p ON p.process_id = s.process_id
        WHERE s.state = {in_progress}
          AND (p.process_id IS NULL OR p.dead_at IS NOT NULL OR s.process_id = ? AND s.started_at < tasker.now() - interval '1 minute')
        ORDER BY s.step_id"""), BATCH);
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      int p = setBatch(statement, after, bounds);
      statement.setLong(++p, processId);
      statement.setLong(++p, processId);
      try (ResultSet row = statement.executeQuery()) {
        Set<Long> orphaned = new TreeSet<>();
        List<Claim> ours = new ArrayList<>();
        while (row.next()) {
          if (row.getBoolean("ours")) {
            ours.add(new Claim(row.getLong("step_id"), row.getLong("fence")));
          } else {
            orphaned.add(row.getLong("task_id"));
          }
        }
        return new Held(orphaned, ours);
      }
    }
  }

  private static Look lookAtBatch(Connection connection, String sql, long after, Bounds bounds) throws SQLException {
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      setBatch(statement, after, bounds);
      return look(statement);
    }
  }

  /** @return the number of the last parameter that it has set */
  private static int setBatch(PreparedStatement statement, long after, Bounds bounds) throws SQLException {
    int p = 0;
    statement.setLong(++p, after);
    statement.setInt(++p, bounds.tasks());
    statement.setLong(++p, after);
    statement.setInt(++p, bounds.tasks());
    statement.setInt(++p, bounds.tasks());
    statement.setInt(++p, bounds.steps());
    return p;
  }

  /**
   * Looks at the queue, in the order of its primary key, for rows of tasks that have ended or do not exist.
   *
   * @param after the step's id after which to begin
   */
  public Look queueOfEnded(Connection connection, long after, Bounds bounds) throws SQLException {
    String sql = """
        WITH batch AS MATERIALIZED (
          SELECT q.task_id, q.step_id
          FROM tasker.step_queue q
          WHERE (q.task_id, q.step_id) > (tasker.task_of(?), ?)
          ORDER BY q.task_id, q.step_id
          LIMIT ?
        )
        SELECT DISTINCT b.task_id, (SELECT max(step_id) FROM batch) AS last
        FROM batch b
        LEFT JOIN tasker.tasks t ON t.task_id = b.task_id
        WHERE t.state IS NULL OR tasker.has_ended(t.state)
        UNION ALL
        SELECT NULL, max(step_id) FROM batch
        ORDER BY 1""";
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      statement.setLong(1, after);
      statement.setLong(2, after);
      statement.setInt(3, bounds.steps());
      return look(statement);
    }
  }

  private static Look look(PreparedStatement statement) throws SQLException {
    try (ResultSet row = statement.executeQuery()) {
      List<Long> taskIds = new ArrayList<>();
      Long last = null;
      while (row.next()) {
        Long taskId = Rows.longOrNull(row, "task_id");
        last = Rows.longOrNull(row, "last");
        if (taskId != null) {
          taskIds.add(taskId);
        }
      }
      return new Look(taskIds, last);
    }
  }

  /** Keeps claims off the task, and waits for those that are under way. Comes after the task's lock and before those of its steps. */
  public void lockQueue(Connection connection, long taskId) throws SQLException {
    run(connection, "SELECT 1 FROM tasker.step_queue WHERE task_id = ? ORDER BY step_id FOR UPDATE", taskId);
  }

  /**
   * Recounts, for each step that has not begun, how many parents it still waits for.
   *
   * @return how many steps had a wrong count
   */
  public int recountParents(Connection connection, long taskId) throws SQLException {
    return run(connection, Format.text("""
        WITH recounted AS MATERIALIZED (
          SELECT s.task_id, s.step_id, s.waiting_on, %1$s AS unsatisfied
          FROM tasker.workflow_steps s
          WHERE s.task_id = ? AND tasker.may_wait(s.state)
        )
        UPDATE tasker.workflow_steps s
        SET waiting_on = r.unsatisfied
        FROM recounted r
        WHERE s.task_id = r.task_id AND s.step_id = r.step_id AND s.waiting_on <> r.unsatisfied
        RETURNING s.step_id""", UNSATISFIED), taskId);
  }

  /**
   * Sets the task's counters to what its steps say.
   *
   * @return the corrections in words; null if the counters were right
   */
  public String recountTask(Connection connection, long taskId) throws SQLException {
    String sql = Format.text("""
        WITH counted AS MATERIALIZED (
          SELECT %1$s FROM tasker.workflow_steps s WHERE s.task_id = ?
        ), wrong AS MATERIALIZED (
          SELECT t.active_steps, t.failed_steps
          FROM tasker.tasks t
          CROSS JOIN counted c
          WHERE t.task_id = ? AND (t.active_steps <> c.active OR t.failed_steps <> c.failed)
        )
        UPDATE tasker.tasks t
        SET active_steps = c.active, failed_steps = c.failed, failing = t.failing OR (t.fail_fast AND c.failed > w.failed_steps)
        FROM counted c
        CROSS JOIN wrong w
        WHERE t.task_id = ?
        RETURNING format('active_steps %%s instead of %%s, failed_steps %%s instead of %%s',
          w.active_steps, t.active_steps, w.failed_steps, t.failed_steps)""", COUNTED);
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      statement.setLong(1, taskId);
      statement.setLong(2, taskId);
      statement.setLong(3, taskId);
      try (ResultSet row = statement.executeQuery()) {
        return row.next() ? row.getString(1) : null;
      }
    }
  }

  /**
   * Deletes queue rows whose step may not be claimed, and rows whose state differs from the step's.
   *
   * @return how many
   */
  public int removeStrays(Connection connection, long taskId) throws SQLException {
    return run(connection, """
        DELETE FROM tasker.step_queue q
        WHERE q.task_id = ?
          AND NOT EXISTS (
            SELECT 1 FROM tasker.workflow_steps s
            WHERE s.task_id = q.task_id AND s.step_id = q.step_id AND s.state = q.state)
        RETURNING q.step_id""", taskId);
  }

  /**
   * Queues steps that may be claimed and are not in the queue.
   *
   * @return how many
   */
  public int queueMissing(Connection connection, long taskId) throws SQLException {
    String sql = """
        WITH missing AS MATERIALIZED (
          SELECT array_agg(s.step_id) AS ids, count(*)::integer AS count
          FROM tasker.workflow_steps s
          WHERE s.task_id = ? AND tasker.is_queued(s.state)
            AND NOT EXISTS (SELECT 1 FROM tasker.step_queue q WHERE q.task_id = s.task_id AND q.step_id = s.step_id)
        )
        SELECT m.count, tasker.enqueue(m.ids, tasker.now()) FROM missing m""";
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      statement.setLong(1, taskId);
      try (ResultSet row = statement.executeQuery()) {
        row.next();
        return row.getInt(1);
      }
    }
  }

  private static int run(Connection connection, String sql, long taskId) throws SQLException {
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      statement.setLong(1, taskId);
      try (ResultSet row = statement.executeQuery()) {
        int rows = 0;
        while (row.next()) {
          rows++;
        }
        return rows;
      }
    }
  }
}
