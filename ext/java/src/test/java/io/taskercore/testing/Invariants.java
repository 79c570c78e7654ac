package io.taskercore.testing;

import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** What must hold in the database after anything at all; each query finds the rows that break a rule. */
public final class Invariants {

  private static final Map<String, String> VIOLATIONS = new LinkedHashMap<>();

  static {
    VIOLATIONS.put("waiting_on equals a recount of unsatisfied parents", """
        SELECT s.step_id, s.waiting_on
        FROM tasker.workflow_steps s
        WHERE s.waiting_on <> (
          SELECT count(*) FROM tasker.workflow_steps p
          WHERE p.task_id = s.task_id AND (p.step_id & 65535)::smallint = ANY (s.parents)
            AND p.state NOT IN ('complete', 'skipped', 'resolved_manually'))""");
    VIOLATIONS.put("the task's counters equal a recount of its steps", """
        SELECT t.task_id, t.active_steps, t.failed_steps, t.total_steps
        FROM tasker.tasks t
        JOIN LATERAL (
          SELECT count(*) AS total,
            count(*) FILTER (WHERE state IN ('enqueued', 'in_progress', 'waiting_for_retry')) AS active,
            count(*) FILTER (WHERE state = 'error') AS failed
          FROM tasker.workflow_steps s WHERE s.task_id = t.task_id) c ON true
        WHERE (t.active_steps, t.failed_steps, t.total_steps) IS DISTINCT FROM (c.active, c.failed, c.total)""");
    VIOLATIONS.put("the queue holds exactly what is enqueued or waits for a retry", """
        SELECT COALESCE(q.step_id, s.step_id), q.state, s.state
        FROM tasker.step_queue q
        FULL JOIN (SELECT * FROM tasker.workflow_steps WHERE state IN ('enqueued', 'waiting_for_retry')) s
          ON s.task_id = q.task_id AND s.step_id = q.step_id
        WHERE q.state IS DISTINCT FROM s.state""");
    VIOLATIONS.put("the queue knows which steps one more crash would end", """
        SELECT s.step_id, s.crashes, s.max_crashes, q.last_chance
        FROM tasker.step_queue q
        JOIN tasker.workflow_steps s ON s.task_id = q.task_id AND s.step_id = q.step_id
        WHERE q.last_chance <> (s.crashes BETWEEN 1 AND s.max_crashes AND s.max_crashes - s.crashes <= 1
          OR s.crashes > s.max_crashes)""");
    VIOLATIONS.put("the queue knows which steps are claimed apart", """
        SELECT s.step_id, s.suspect, s.crashes, s.max_crashes, q.apart
        FROM tasker.step_queue q
        JOIN tasker.workflow_steps s ON s.task_id = q.task_id AND s.step_id = q.step_id
        WHERE q.apart <> (s.suspect OR s.max_crashes - s.crashes <= 1)""");
    VIOLATIONS.put("what belongs to a task goes with it", """
        SELECT x.task_id, x.what
        FROM (
          SELECT task_id, 'step' AS what FROM tasker.workflow_steps
          UNION SELECT task_id, 'log' FROM tasker.transitions
          UNION SELECT task_id, 'queue' FROM tasker.step_queue) x
        WHERE NOT EXISTS (SELECT 1 FROM tasker.tasks t WHERE t.task_id = x.task_id)""");
    VIOLATIONS.put("the state of a task follows from its steps", """
        SELECT task_id, state, active_steps, failed_steps FROM tasker.tasks
        WHERE (state IN ('complete', 'error', 'cancelled', 'resolved_manually') AND active_steps > 0)
           OR (state IN ('pending', 'in_progress') AND active_steps = 0)
           OR (state = 'complete' AND failed_steps > 0)
           OR (state = 'error' AND failed_steps = 0)""");
    VIOLATIONS.put("no step runs or has run before its parents", """
        SELECT s.step_id, s.state FROM tasker.workflow_steps s
        WHERE s.waiting_on > 0 AND (s.attempts > 0 OR s.state NOT IN ('pending', 'cancelled', 'skipped', 'resolved_manually'))""");
    VIOLATIONS.put("no step began before its parents ended, by the log", """
        SELECT s.step_id, p.step_id
        FROM tasker.workflow_steps s
        JOIN tasker.workflow_steps p ON p.task_id = s.task_id AND (p.step_id & 65535)::smallint = ANY (s.parents)
        JOIN LATERAL (SELECT min(transition_id) AS began FROM tasker.transitions l
          WHERE l.task_id = s.task_id AND l.step_id = s.step_id AND l.to_state = 'in_progress') b ON b.began IS NOT NULL
        WHERE NOT EXISTS (SELECT 1 FROM tasker.transitions l
          WHERE l.task_id = p.task_id AND l.step_id = p.step_id AND l.transition_id < b.began
            AND l.to_state IN ('complete', 'skipped', 'resolved_manually'))""");
    VIOLATIONS.put("the log of each step and task has no gaps and ends at its state", """
        WITH chain AS (
          SELECT task_id, step_id, from_state, to_state, transition_id,
            lag(to_state) OVER w AS before, lead(transition_id) OVER w IS NULL AS last
          FROM tasker.transitions
          WINDOW w AS (PARTITION BY task_id, step_id ORDER BY transition_id))
        SELECT c.task_id, c.step_id, c.before, c.from_state, c.to_state, COALESCE(s.state, t.state)
        FROM chain c
        LEFT JOIN tasker.workflow_steps s ON s.task_id = c.task_id AND s.step_id = c.step_id
        LEFT JOIN tasker.tasks t ON t.task_id = c.task_id AND c.step_id IS NULL
        LEFT JOIN tasker.workflow_steps fresh ON fresh.task_id = c.task_id AND fresh.step_id = c.step_id
        WHERE c.from_state <> COALESCE(c.before,
            CASE WHEN c.step_id IS NULL OR cardinality(fresh.parents) > 0 THEN 'pending' ELSE 'enqueued' END)
           OR (c.last AND c.to_state <> COALESCE(s.state, t.state))""");
    VIOLATIONS.put("a step that was never logged is as it was created", """
        SELECT s.step_id, s.state FROM tasker.workflow_steps s
        WHERE s.state <> CASE WHEN cardinality(s.parents) > 0 THEN 'pending' ELSE 'enqueued' END
          AND NOT EXISTS (SELECT 1 FROM tasker.transitions l WHERE l.task_id = s.task_id AND l.step_id = s.step_id)""");
    VIOLATIONS.put("every change of a step is a legal one", """
        SELECT step_id, from_state, to_state, reason FROM tasker.transitions
        WHERE step_id IS NOT NULL AND (from_state, to_state) NOT IN (
          ('pending', 'enqueued'), ('pending', 'in_progress'), ('pending', 'skipped'), ('pending', 'cancelled'),
          ('pending', 'resolved_manually'),
          ('enqueued', 'in_progress'), ('enqueued', 'cancelled'), ('enqueued', 'resolved_manually'),
          ('in_progress', 'complete'), ('in_progress', 'waiting_for_retry'), ('in_progress', 'error'),
          ('in_progress', 'cancelled'), ('in_progress', 'enqueued'),
          ('waiting_for_retry', 'in_progress'), ('waiting_for_retry', 'enqueued'), ('waiting_for_retry', 'cancelled'),
          ('waiting_for_retry', 'resolved_manually'),
          ('error', 'enqueued'), ('error', 'resolved_manually'), ('error', 'cancelled'),
          ('cancelled', 'pending'), ('cancelled', 'enqueued'))""");
    VIOLATIONS.put("every change of a task is a legal one", """
        SELECT task_id, from_state, to_state FROM tasker.transitions
        WHERE step_id IS NULL AND (from_state, to_state) NOT IN (
          ('pending', 'in_progress'), ('pending', 'cancelled'), ('pending', 'resolved_manually'),
          ('in_progress', 'complete'), ('in_progress', 'error'), ('in_progress', 'cancelled'),
          ('in_progress', 'resolved_manually'),
          ('error', 'in_progress'), ('error', 'cancelled'), ('error', 'resolved_manually'))""");
    VIOLATIONS.put("at most one result was accepted per attempt", """
        SELECT l.step_id, l.attempt, count(*) FROM tasker.transitions l
        WHERE l.step_id IS NOT NULL AND l.from_state = 'in_progress' AND l.to_state IN ('complete', 'waiting_for_retry', 'error')
        GROUP BY l.task_id, l.step_id, l.attempt HAVING count(*) > 1""");
    VIOLATIONS.put("every attempt that counts was claimed once", """
        SELECT s.step_id, s.attempts, c.claims, c.given_back
        FROM tasker.workflow_steps s
        JOIN LATERAL (
          SELECT count(*) FILTER (WHERE l.to_state = 'in_progress') AS claims,
            count(*) FILTER (WHERE l.reason IN ('given_back', 'process_died') AND l.to_state = 'enqueued') AS given_back
          FROM tasker.transitions l WHERE l.task_id = s.task_id AND l.step_id = s.step_id) c ON true
        WHERE s.attempts <> c.claims - c.given_back OR s.fence < c.claims OR (s.fence = 0) <> (c.claims = 0)""");
    VIOLATIONS.put("attempts are numbered without gaps", """
        SELECT step_id, attempt, expected FROM (
          SELECT step_id, attempt, to_state,
            count(*) FILTER (WHERE to_state = 'in_progress') OVER w
              - count(*) FILTER (WHERE to_state = 'enqueued' AND reason IN ('given_back', 'process_died')) OVER w AS expected
          FROM tasker.transitions WHERE step_id IS NOT NULL
          WINDOW w AS (PARTITION BY task_id, step_id ORDER BY transition_id)) l
        WHERE to_state = 'in_progress' AND attempt IS DISTINCT FROM expected""");
    VIOLATIONS.put("crashes are those in the log", """
        SELECT s.step_id, s.crashes FROM tasker.workflow_steps s
        WHERE s.crashes <> (
          SELECT count(*) FROM tasker.transitions l
          WHERE l.task_id = s.task_id AND l.step_id = s.step_id AND l.reason IN ('lease_lapsed', 'crash_limit'))""");
    VIOLATIONS.put("a key leads to the task that has it", """
        SELECT t.task_id, t.idempotency_key, k.task_id
        FROM (SELECT * FROM tasker.tasks WHERE idempotency_key IS NOT NULL) t
        FULL JOIN tasker.idempotency_keys k USING (namespace, name, idempotency_key)
        WHERE t.task_id IS DISTINCT FROM k.task_id""");
    VIOLATIONS.put("only what has run to its end has a result", """
        SELECT step_id, state FROM tasker.workflow_steps
        WHERE (state = 'complete') <> (result IS NOT NULL) AND state <> 'resolved_manually'""");
  }

  private Invariants() {}

  /** The rules, by the names that their complaints begin with. */
  public static Set<String> rules() {
    return VIOLATIONS.keySet();
  }

  /** @throws AssertionError naming every rule that is broken, and the rows that break it */
  public static void check(TestDatabase database) {
    List<String> broken = new ArrayList<>();
    try (Connection connection = database.dataSource().getConnection();
        Statement statement = connection.createStatement()) {
      for (Map.Entry<String, String> rule : VIOLATIONS.entrySet()) {
        try (ResultSet rows = statement.executeQuery(rule.getValue())) {
          for (int shown = 0; shown < 5 && rows.next(); shown++) {
            broken.add(rule.getKey() + ": " + describe(rows));
          }
        }
      }
    } catch (SQLException failure) {
      throw new AssertionError(failure);
    }
    if (!broken.isEmpty()) {
      throw new AssertionError("broken invariants:\n" + String.join("\n", broken));
    }
  }

  private static String describe(ResultSet row) throws SQLException {
    List<String> columns = new ArrayList<>();
    for (int i = 1; i <= row.getMetaData().getColumnCount(); i++) {
      columns.add(row.getMetaData().getColumnLabel(i) + "=" + row.getString(i));
    }
    return String.join(", ", columns);
  }
}
