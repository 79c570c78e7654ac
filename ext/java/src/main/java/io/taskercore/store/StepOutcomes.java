package io.taskercore.store;

import io.taskercore.model.ClaimedStep;
import io.taskercore.model.StepOutcome;
import io.taskercore.model.StepState;
import io.taskercore.model.TaskState;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Types;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;

/** What attempts came to, and everything that follows from it: the second half of the hot path. */
public final class StepOutcomes {

  /** A task that has ended, so many milliseconds after it could have begun. */
  public record Ended(long taskId, TaskState state, double afterMs) {}

  /**
   * What came of recording outcomes.
   *
   * @param accepted ids of the steps whose outcome was accepted; others were refused, for their claim was no longer valid
   * @param handedOver children that this process holds from now on
   * @param enqueued ids of children that became ready for anybody
   * @param ended tasks that have ended by this
   * @param at null where nothing was accepted
   * @param newestTransition the last entry that the statement has made in the log
   */
  public record Recorded(
      List<Long> accepted,
      List<ClaimedStep> handedOver,
      List<Long> enqueued,
      List<Ended> ended,
      Instant at,
      long newestTransition) {}

  /**
   * Records outcomes of attempts, whatever tasks they belong to, and everything that follows: counters of children fall, those
   * that became ready are handed over or enqueued, tasks of which nothing is active any more end, each change is logged.
   *
   * <p>Locks the tasks by id first (primary key), then the steps. An outcome whose fence is old, or whose step is no longer in
   * progress, is refused without touching the others.
   *
   * @param wanted ids of children that this process would run itself, if they become ready now
   */
  public Recorded record(Connection connection, long processId, List<StepOutcome> outcomes, Collection<Long> wanted)
      throws SQLException {
    return outcomes.size() == 1
        ? recordOne(connection, processId, outcomes.get(0), wanted)
        : recordMany(connection, processId, outcomes, wanted);
  }

  /** The same for one, which a statement for many is too big for: PostgreSQL prepares each of its parts, needed or not. */
  private static Recorded recordOne(Connection connection, long processId, StepOutcome outcome, Collection<Long> wanted)
      throws SQLException {
    String sql = "SELECT * FROM tasker.record_one(?, ?, ?, ?, ?, ?, ?, ?, ?)";
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      int p = 0;
      statement.setLong(++p, processId);
      statement.setLong(++p, outcome.stepId());
      statement.setInt(++p, outcome.fence());
      statement.setString(++p, outcome.to().wire());
      statement.setString(++p, Rows.text(outcome.result()));
      statement.setString(++p, Rows.text(outcome.error()));
      statement.setObject(++p, outcome.delayMs(), Types.BIGINT);
      statement.setString(++p, outcome.reason());
      statement.setArray(++p, Rows.bigints(connection, wanted));
      try (ResultSet row = statement.executeQuery()) {
        return recorded(row);
      }
    }
  }

  private static Recorded recordMany(
      Connection connection, long processId, List<StepOutcome> outcomes, Collection<Long> wanted) throws SQLException {
    String sql = """
        WITH outcome AS MATERIALIZED (
          SELECT o.step_id >> 16 AS task_id, o.step_id, o.fence, o.to_state, o.result, o.error, o.delay_ms, o.reason
          FROM unnest(?::bigint[], ?::integer[], ?::text[], ?::text[], ?::text[], ?::bigint[], ?::text[])
            AS o(step_id, fence, to_state, result, error, delay_ms, reason)
        ), locked AS MATERIALIZED (
          SELECT t.task_id
          FROM tasker.tasks t
          WHERE t.task_id IN (SELECT task_id FROM outcome)
          ORDER BY t.task_id
          FOR NO KEY UPDATE
        ), all_locked AS MATERIALIZED (
          SELECT count(*) AS tasks FROM locked
        ), accepted AS (
          UPDATE tasker.workflow_steps s
          SET state = o.to_state, result = o.result::json, error = o.error::json, process_id = NULL,
              next_run_at = tasker.now() + o.delay_ms * interval '1 millisecond',
              completed_at = CASE WHEN o.to_state <> 'waiting_for_retry' THEN tasker.now() END
          FROM all_locked l
          JOIN outcome o ON l.tasks > 0
          WHERE s.task_id = o.task_id AND s.step_id = o.step_id AND s.fence = o.fence AND s.state = 'in_progress'
          RETURNING s.task_id, s.step_id, s.state, s.children, s.attempts, s.handler, s.next_run_at, s.completed_at, o.reason,
            tasker.last_chance(s.crashes, s.max_crashes) AS last_chance
        ), freed AS MATERIALIZED (
          SELECT a.task_id, (a.task_id << 16) + c.ordinal AS step_id, count(*) AS parents,
            (a.task_id << 16) + c.ordinal = ANY (?) AS wanted
          FROM accepted a
          CROSS JOIN LATERAL unnest(a.children) AS c(ordinal)
          WHERE a.state = 'complete'
          GROUP BY 1, 2
          ORDER BY 2
        ), lowered AS (
          -- One update with CASE, not one for each case: where somebody else lowered the counter since this statement began,
          -- PostgreSQL looks at the row again, and only the expressions see what it holds now.
          UPDATE tasker.workflow_steps s
          SET waiting_on = GREATEST(s.waiting_on - f.parents, 0),
              state = CASE WHEN s.state <> 'pending' OR s.waiting_on > f.parents THEN s.state
                           WHEN f.wanted THEN 'in_progress' ELSE 'enqueued' END,
              attempts = CASE WHEN s.state = 'pending' AND s.waiting_on <= f.parents AND f.wanted
                              THEN s.attempts + 1 ELSE s.attempts END,
              fence = CASE WHEN s.state = 'pending' AND s.waiting_on <= f.parents AND f.wanted
                           THEN s.fence + 1 ELSE s.fence END,
              process_id = CASE WHEN s.state = 'pending' AND s.waiting_on <= f.parents AND f.wanted
                                THEN ?::bigint END,
              started_at = CASE WHEN s.state = 'pending' AND s.waiting_on <= f.parents AND f.wanted
                                THEN tasker.now() ELSE s.started_at END
          FROM freed f
          WHERE s.task_id = f.task_id AND s.step_id = f.step_id
          RETURNING s.task_id, s.step_id, s.name, s.handler, s.parents, s.children, s.state, s.waiting_on, s.attempts,
            s.crashes, s.max_attempts, s.fence
        ), readied AS (
          SELECT * FROM lowered WHERE waiting_on = 0 AND state IN ('enqueued', 'in_progress')
        ), queued AS (
          INSERT INTO tasker.step_queue (task_id, step_id, state, priority, run_at, namespace, handler, last_chance)
          SELECT n.task_id, n.step_id, n.state, t.priority, n.run_at, t.namespace, n.handler, n.last_chance
          FROM (
            SELECT task_id, step_id, state, tasker.now() AS run_at, handler, false AS last_chance
            FROM readied WHERE state = 'enqueued'
            UNION ALL
            SELECT task_id, step_id, state, next_run_at, handler, last_chance FROM accepted WHERE state = 'waiting_for_retry'
          ) n
          JOIN tasker.tasks t ON t.task_id = n.task_id
        ), change AS (
          SELECT task_id, sum(active) AS active, sum(failed) AS failed
          FROM (
            SELECT task_id, -1 AS active, CASE WHEN state = 'error' THEN 1 ELSE 0 END AS failed
            FROM accepted WHERE state <> 'waiting_for_retry'
            UNION ALL
            SELECT task_id, 1, 0 FROM readied
          ) c
          GROUP BY task_id
          HAVING sum(active) <> 0 OR sum(failed) <> 0
        ), settled AS (
          UPDATE tasker.tasks t
          SET active_steps = t.active_steps + c.active,
              failed_steps = t.failed_steps + c.failed,
              failing = t.failing OR (t.fail_fast AND c.failed > 0),
              state = CASE WHEN t.active_steps + c.active > 0 THEN t.state
                           WHEN t.failed_steps + c.failed > 0 THEN 'error' ELSE 'complete' END,
              completed_at = CASE WHEN t.active_steps + c.active = 0 THEN tasker.now() END
          FROM change c
          WHERE t.task_id = c.task_id
          RETURNING t.task_id, t.state, t.completed_at - GREATEST(t.created_at, t.run_at) AS after
        ), logged AS (
          INSERT INTO tasker.transitions (task_id, step_id, from_state, to_state, attempt, at, reason)
          SELECT e.task_id, e.step_id, e.from_state, e.to_state, e.attempt, tasker.now(), e.reason
          FROM (
            SELECT 1 AS phase, task_id, step_id, 'in_progress' AS from_state, state AS to_state, attempts AS attempt, reason
            FROM accepted
            UNION ALL
            SELECT 2, task_id, step_id, 'pending', state, NULLIF(attempts, 0), NULL FROM readied
            UNION ALL
            SELECT 3, task_id, NULL, 'in_progress', state, NULL, NULL FROM settled WHERE state <> 'in_progress'
          ) e
          ORDER BY e.phase, e.step_id
          RETURNING transition_id
        )
        SELECT 'accepted' AS kind, task_id, step_id, state, NULL AS name, NULL AS handler, NULL::smallint[] AS parents,
          NULL::smallint[] AS children, NULL::smallint AS attempts, NULL::smallint AS crashes,
          NULL::smallint AS max_attempts, NULL::integer AS fence, NULL::numeric AS after_ms,
          COALESCE(completed_at, tasker.now()) AS at,
          (SELECT max(transition_id) FROM logged) AS newest_transition
        FROM accepted
        UNION ALL
        SELECT 'readied', task_id, step_id, state, name, handler, parents, children, attempts, crashes, max_attempts, fence,
          NULL, NULL, NULL
        FROM readied
        UNION ALL
        SELECT 'ended', task_id, NULL, state, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
          extract(epoch FROM after) * 1000, NULL, NULL
        FROM settled WHERE state <> 'in_progress'""";
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      int p = 0;
      statement.setArray(++p, Rows.column(connection, "bigint", outcomes, StepOutcome::stepId));
      statement.setArray(++p, Rows.column(connection, "integer", outcomes, StepOutcome::fence));
      statement.setArray(++p, Rows.column(connection, "text", outcomes, outcome -> outcome.to().wire()));
      statement.setArray(++p, Rows.column(connection, "text", outcomes, outcome -> Rows.text(outcome.result())));
      statement.setArray(++p, Rows.column(connection, "text", outcomes, outcome -> Rows.text(outcome.error())));
      statement.setArray(++p, Rows.column(connection, "bigint", outcomes, StepOutcome::delayMs));
      statement.setArray(++p, Rows.column(connection, "text", outcomes, StepOutcome::reason));
      statement.setArray(++p, Rows.bigints(connection, wanted));
      statement.setLong(++p, processId);
      try (ResultSet row = statement.executeQuery()) {
        return recorded(row);
      }
    }
  }

  private static Recorded recorded(ResultSet row) throws SQLException {
    List<Long> accepted = new ArrayList<>();
    List<ClaimedStep> handedOver = new ArrayList<>();
    List<Long> enqueued = new ArrayList<>();
    List<Ended> ended = new ArrayList<>();
    Instant at = null;
    long newestTransition = 0;
    while (row.next()) {
      switch (row.getString("kind")) {
        case "accepted" -> {
          if (accepted.isEmpty()) {
            at = Rows.instant(row, "at");
            newestTransition = row.getLong("newest_transition");
          }
          accepted.add(row.getLong("step_id"));
        }
        case "ended" -> ended.add(
            new Ended(row.getLong("task_id"), TaskState.of(row.getString("state")), row.getDouble("after_ms")));
        default -> {
          if (row.getString("state").equals(StepState.IN_PROGRESS.wire())) {
            handedOver.add(StepStore.claimedStep(row, false));
          } else {
            enqueued.add(row.getLong("step_id"));
          }
        }
      }
    }
    return new Recorded(accepted, handedOver, enqueued, ended, at, newestTransition);
  }
}
