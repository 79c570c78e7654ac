package io.taskercore.store;

import io.taskercore.model.ClaimedStep;
import io.taskercore.model.Json;
import io.taskercore.model.StepOutcome;
import io.taskercore.model.StepState;
import io.taskercore.model.TaskState;
import io.taskercore.model.Transition;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Types;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The way of a step through claim and record: the hot path, one statement each. */
public final class StepStore {

  /**
   * A step taken from the queue.
   *
   * @param beginsTask whether its task began with this claim
   * @param runAt since when it could run
   */
  public record Taken(ClaimedStep step, StepState from, boolean beginsTask, Instant runAt) {}

  /**
   * What one statement has claimed.
   *
   * @param at null where it is nothing
   * @param newestTransition the last entry that the statement has made in the log
   */
  public record Claims(List<Taken> taken, Instant at, long newestTransition) {
    public List<ClaimedStep> steps() {
      return taken.stream().map(Taken::step).toList();
    }
  }

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
   * The priorities that occur in the queue for each of some handlers; each found by one look at step_queue_order. What is in the
   * queue for other handlers, be it a backlog of millions, is not touched.
   */
  private static final String LEVELS = """
      WITH RECURSIVE level AS (
        SELECT h.handler, (
            SELECT q.priority FROM tasker.step_queue q WHERE q.handler = h.handler ORDER BY q.priority DESC LIMIT 1) AS priority
        FROM unnest(?::text[]) AS h(handler)
        UNION ALL
        SELECT l.handler, (
            SELECT q.priority FROM tasker.step_queue q WHERE q.handler = l.handler AND q.priority < l.priority
            ORDER BY q.priority DESC LIMIT 1)
        FROM level l
        WHERE l.priority IS NOT NULL
      """;

  /** What all claims do with the queue rows that they have picked. */
  private static final String CLAIM_PICKED = """
        ), begun AS (
          UPDATE tasker.tasks t
          SET state = 'in_progress', started_at = tasker.now()
          WHERE t.task_id IN (
            SELECT p.task_id
            FROM (SELECT DISTINCT task_id FROM picked) k
            -- OFFSET 0: by the key of each, never the other way round over all tasks that are pending.
            CROSS JOIN LATERAL (
              SELECT task_id FROM tasker.tasks WHERE task_id = k.task_id AND state = 'pending'
              FOR NO KEY UPDATE SKIP LOCKED OFFSET 0) p)
          RETURNING t.task_id
        ), dequeued AS (
          DELETE FROM tasker.step_queue q
          USING picked p
          JOIN tasker.tasks t ON t.task_id = p.task_id
          WHERE q.task_id = p.task_id AND q.step_id = p.step_id
            AND (t.state = 'in_progress' OR t.task_id IN (SELECT task_id FROM begun))
          RETURNING q.task_id, q.step_id, q.state, q.priority, q.run_at, t.state = 'pending' AS begins_task
        ), claimed AS (
          UPDATE tasker.workflow_steps s
          SET state = 'in_progress', attempts = s.attempts + 1, fence = s.fence + 1, process_id = ?,
              next_run_at = NULL, started_at = tasker.now(), completed_at = NULL
          FROM dequeued d
          WHERE s.task_id = d.task_id AND s.step_id = d.step_id AND s.state IN ('enqueued', 'waiting_for_retry')
          RETURNING s.task_id, s.step_id, s.name, s.handler, s.parents, s.children, s.attempts, s.crashes, s.max_attempts,
            s.fence, s.started_at, d.state AS from_state, d.priority, d.run_at, d.begins_task
        ), logged AS (
          INSERT INTO tasker.transitions (task_id, step_id, from_state, to_state, attempt, at)
          SELECT e.task_id, e.step_id, e.from_state, 'in_progress', e.attempt, tasker.now()
          FROM (
            SELECT b.task_id, NULL::bigint AS step_id, 'pending' AS from_state, NULL::smallint AS attempt FROM begun b
            UNION ALL
            SELECT c.task_id, c.step_id, c.from_state, c.attempts FROM claimed c
          ) e
          ORDER BY e.step_id NULLS FIRST
          RETURNING transition_id
        )
        SELECT task_id, step_id, name, handler, parents, children, attempts, crashes, max_attempts, fence, from_state,
          begins_task, run_at, started_at, (SELECT max(transition_id) FROM logged) AS newest_transition
        FROM claimed
        ORDER BY priority DESC, run_at, step_id""";

  /**
   * Claims steps of one task that may run now and whose handler is at hand.
   *
   * <p>Takes queue rows with SKIP LOCKED (by the primary key of step_queue), so it never waits for another claim. The first
   * claim of a task also begins the task, which needs the task's row; where somebody else has that row this instant, the step
   * stays in the queue for the next look.
   *
   * @param handlers names of the handlers at hand
   * @param limit how many at most
   */
  public Claims claimOfTask(
      Connection connection, long processId, long taskId, Collection<String> handlers, int limit) throws SQLException {
    String sql = """
        WITH picked AS MATERIALIZED (
          SELECT q.task_id, q.step_id
          FROM tasker.step_queue q
          WHERE q.task_id = ? AND q.run_at <= tasker.now() AND q.handler = ANY (?)
          ORDER BY q.run_at, q.step_id
          LIMIT ?
          FOR UPDATE SKIP LOCKED
        """ + CLAIM_PICKED;
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      statement.setLong(1, taskId);
      statement.setArray(2, Rows.texts(connection, handlers));
      statement.setInt(3, limit);
      statement.setLong(4, processId);
      return claims(statement);
    }
  }

  /**
   * Claims steps of any task that may run now and whose handler is at hand: higher priority first, then the time since when
   * they may run, then the id.
   *
   * <p>Looks at each handler and priority by itself (step_queue_order), for only there do the steps that may run come first. It
   * looks at more candidates than it takes, for those that others have locked this instant are passed over.
   *
   * @param namespaces empty: all
   * @param limit how many at most
   * @param candidates how many to look at
   */
  public Claims claimReady(
      Connection connection,
      long processId,
      Collection<String> handlers,
      Collection<String> namespaces,
      int limit,
      int candidates)
      throws SQLException {
    String sql = LEVELS + """
        ), candidate AS MATERIALIZED (
          SELECT r.*
          FROM level l
          CROSS JOIN LATERAL (
            SELECT q.ctid, q.priority, q.run_at, q.step_id
            FROM tasker.step_queue q
            WHERE q.handler = l.handler AND q.priority = l.priority AND q.run_at <= tasker.now()
              AND (cardinality(?::text[]) = 0 OR q.namespace = ANY (?))
            ORDER BY q.run_at, q.step_id
            LIMIT ?) r
          ORDER BY r.priority DESC, r.run_at, r.step_id
          LIMIT ?
        ), picked AS MATERIALIZED (
          SELECT p.task_id, p.step_id
          FROM candidate c
          CROSS JOIN LATERAL (
            SELECT q.task_id, q.step_id FROM tasker.step_queue q WHERE q.ctid = c.ctid FOR UPDATE SKIP LOCKED OFFSET 0) p
          LIMIT ?
        """ + CLAIM_PICKED;
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      statement.setArray(1, Rows.texts(connection, handlers));
      statement.setArray(2, Rows.texts(connection, namespaces));
      statement.setArray(3, Rows.texts(connection, namespaces));
      statement.setInt(4, candidates);
      statement.setInt(5, candidates);
      statement.setInt(6, limit);
      statement.setLong(7, processId);
      return claims(statement);
    }
  }

  /**
   * Claims one step, if it may run now. Like the other claims it waits for nobody (primary key of step_queue, SKIP LOCKED).
   *
   * @return nothing where the step is not in the queue, its time has not come, or somebody else has its queue row or, if this is
   *     its task's first claim, the task's row this instant
   */
  public Claims claimStep(Connection connection, long processId, long stepId) throws SQLException {
    String sql = """
        WITH picked AS MATERIALIZED (
          SELECT q.task_id, q.step_id
          FROM tasker.step_queue q
          WHERE q.task_id = ? AND q.step_id = ? AND q.run_at <= tasker.now()
          FOR UPDATE SKIP LOCKED
        """ + CLAIM_PICKED;
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      statement.setLong(1, ClaimedStep.taskIdOf(stepId));
      statement.setLong(2, stepId);
      statement.setLong(3, processId);
      return claims(statement);
    }
  }

  /** How long until the next step for one of the handlers may run, in milliseconds; null where none waits for its time. */
  public Long untilNextDueMs(Connection connection, Collection<String> handlers) throws SQLException {
    String sql = LEVELS + """
        )
        SELECT extract(epoch FROM min(r.run_at) - tasker.now()) * 1000 AS ms
        FROM level l
        CROSS JOIN LATERAL (
          SELECT q.run_at
          FROM tasker.step_queue q
          WHERE q.handler = l.handler AND q.priority = l.priority AND q.run_at > tasker.now()
          ORDER BY q.run_at, q.step_id
          LIMIT 1) r""";
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      statement.setArray(1, Rows.texts(connection, handlers));
      try (ResultSet row = statement.executeQuery()) {
        row.next();
        return Rows.longOrNull(row, "ms");
      }
    }
  }

  private static Claims claims(PreparedStatement statement) throws SQLException {
    try (ResultSet row = statement.executeQuery()) {
      List<Taken> taken = new ArrayList<>();
      Instant at = null;
      long newestTransition = 0;
      while (row.next()) {
        if (taken.isEmpty()) {
          at = Rows.instant(row, "started_at");
          newestTransition = row.getLong("newest_transition");
        }
        taken.add(taken(row));
      }
      return new Claims(taken, at, newestTransition);
    }
  }

  static Taken taken(ResultSet row) throws SQLException {
    return new Taken(
        claimedStep(row),
        StepState.of(row.getString("from_state")),
        row.getBoolean("begins_task"),
        Rows.instant(row, "run_at"));
  }

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
          RETURNING s.task_id, s.step_id, s.state, s.children, s.attempts, s.handler, s.next_run_at, s.completed_at, o.reason
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
          INSERT INTO tasker.step_queue (task_id, step_id, state, priority, run_at, namespace, handler)
          SELECT n.task_id, n.step_id, n.state, t.priority, n.run_at, t.namespace, n.handler
          FROM (
            SELECT task_id, step_id, state, tasker.now() AS run_at, handler FROM readied WHERE state = 'enqueued'
            UNION ALL
            SELECT task_id, step_id, state, next_run_at, handler FROM accepted WHERE state = 'waiting_for_retry'
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
            handedOver.add(claimedStep(row));
          } else {
            enqueued.add(row.getLong("step_id"));
          }
        }
      }
    }
    return new Recorded(accepted, handedOver, enqueued, ended, at, newestTransition);
  }

  /**
   * Cancels what has not started of those tasks that fail fast and have failed. The caller holds the tasks' locks.
   *
   * <p>Two statements, for the first one waits for claims that are under way, and only a statement that begins after it sees
   * what they did.
   *
   * @param log what is cancelled is added to it
   * @return the ids of the tasks that had failed
   */
  public List<Long> failFast(Connection connection, Collection<Long> taskIds, List<Transition> log) throws SQLException {
    List<Long> failed = new ArrayList<>();
    String sql = """
        SELECT task_id FROM tasker.tasks
        WHERE task_id = ANY (?) AND failing AND state IN ('in_progress', 'error')
        ORDER BY task_id""";
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      statement.setArray(1, Rows.bigints(connection, taskIds));
      try (ResultSet row = statement.executeQuery()) {
        while (row.next()) {
          failed.add(row.getLong(1));
        }
      }
    }
    for (long taskId : failed) {
      log.addAll(cancel(connection, taskId, UNSTARTED, "fail_fast"));
    }
    return failed;
  }

  private static final List<StepState> UNSTARTED =
      List.of(StepState.PENDING, StepState.ENQUEUED, StepState.WAITING_FOR_RETRY);

  /**
   * Cancels the steps of a task that are in one of the given states, and logs it. The caller holds the task's lock and settles
   * the task afterwards.
   *
   * @return the entries in the log
   */
  public List<Transition> cancel(Connection connection, long taskId, Collection<StepState> states, String reason)
      throws SQLException {
    String dequeue = "DELETE FROM tasker.step_queue WHERE task_id = ?";
    try (PreparedStatement statement = connection.prepareStatement(dequeue)) {
      statement.setLong(1, taskId);
      statement.executeUpdate();
    }
    String sql = """
        WITH old AS MATERIALIZED (
          SELECT task_id, step_id, state
          FROM tasker.workflow_steps
          WHERE task_id = ? AND state = ANY (?)
          ORDER BY step_id
          FOR NO KEY UPDATE
        ), cancelled AS (
          UPDATE tasker.workflow_steps s
          SET state = 'cancelled', process_id = NULL, next_run_at = NULL, completed_at = tasker.now()
          FROM old
          WHERE s.task_id = old.task_id AND s.step_id = old.step_id
          RETURNING s.task_id, s.step_id, old.state AS from_state, s.attempts
        )
        INSERT INTO tasker.transitions (task_id, step_id, from_state, to_state, attempt, at, reason)
        SELECT task_id, step_id, from_state, 'cancelled', NULLIF(attempts, 0), tasker.now(), ?
        FROM cancelled
        ORDER BY step_id""" + TransitionLog.RETURNING;
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      statement.setLong(1, taskId);
      statement.setArray(2, Rows.texts(connection, states.stream().map(StepState::wire).toList()));
      statement.setString(3, reason);
      return TransitionLog.read(statement);
    }
  }

  /** Results of steps, by id; a step without one is absent. */
  public Map<Long, Json> results(Connection connection, Collection<Long> stepIds) throws SQLException {
    String sql = """
        SELECT s.step_id, s.result
        FROM unnest(?::bigint[]) AS wanted(step_id)
        JOIN tasker.workflow_steps s ON s.task_id = wanted.step_id >> 16 AND s.step_id = wanted.step_id
        WHERE s.result IS NOT NULL""";
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      statement.setArray(1, Rows.bigints(connection, stepIds));
      try (ResultSet row = statement.executeQuery()) {
        Map<Long, Json> results = new HashMap<>();
        while (row.next()) {
          results.put(row.getLong("step_id"), Rows.json(row, "result"));
        }
        return results;
      }
    }
  }

  /**
   * Gives claims back: anybody may run the steps at once.
   *
   * @param started false: the handlers never ran, so the attempts do not count
   * @return the entries in the log
   */
  public List<Transition> giveBack(Connection connection, Collection<ClaimedStep> claims, boolean started) throws SQLException {
    String sql = """
        WITH claim AS MATERIALIZED (
          SELECT * FROM unnest(?::bigint[], ?::integer[]) AS c(step_id, fence) ORDER BY 1
        ), locked AS MATERIALIZED (
          -- Else a task might be cancelled between the two changes: the queue would keep a row of a cancelled step.
          SELECT t.task_id
          FROM tasker.tasks t
          WHERE t.task_id IN (SELECT step_id >> 16 FROM claim)
          ORDER BY t.task_id
          FOR NO KEY UPDATE
        ), all_locked AS MATERIALIZED (
          SELECT count(*) AS tasks FROM locked
        ), returned AS (
          UPDATE tasker.workflow_steps s
          SET state = 'enqueued', attempts = s.attempts - ?, process_id = NULL
          FROM all_locked l
          JOIN claim c ON l.tasks > 0
          WHERE s.task_id = c.step_id >> 16 AND s.step_id = c.step_id AND s.fence = c.fence AND s.state = 'in_progress'
          RETURNING s.task_id, s.step_id, s.attempts, s.handler
        ), queued AS (
          INSERT INTO tasker.step_queue (task_id, step_id, state, priority, run_at, namespace, handler)
          SELECT r.task_id, r.step_id, 'enqueued', t.priority, tasker.now(), t.namespace, r.handler
          FROM returned r
          JOIN tasker.tasks t ON t.task_id = r.task_id
        )
        INSERT INTO tasker.transitions (task_id, step_id, from_state, to_state, attempt, at, reason)
        SELECT task_id, step_id, 'in_progress', 'enqueued', NULLIF(attempts, 0), tasker.now(), ?
        FROM returned
        ORDER BY step_id""" + TransitionLog.RETURNING;
    List<ClaimedStep> list = List.copyOf(claims);
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      statement.setArray(1, Rows.column(connection, "bigint", list, ClaimedStep::stepId));
      statement.setArray(2, Rows.column(connection, "integer", list, ClaimedStep::fence));
      statement.setInt(3, started ? 0 : 1);
      statement.setString(4, started ? "interrupted" : "given_back");
      return TransitionLog.read(statement);
    }
  }

  static ClaimedStep claimedStep(ResultSet row) throws SQLException {
    return new ClaimedStep(
        row.getLong("task_id"),
        row.getLong("step_id"),
        row.getString("name"),
        row.getString("handler"),
        Rows.ordinals(row, "parents"),
        Rows.ordinals(row, "children"),
        row.getInt("attempts"),
        row.getInt("attempts") - row.getInt("crashes"),
        row.getInt("max_attempts"),
        row.getInt("fence"));
  }
}
