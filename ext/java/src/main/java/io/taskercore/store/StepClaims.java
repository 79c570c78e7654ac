package io.taskercore.store;

import io.taskercore.model.ClaimedStep;
import io.taskercore.model.StepState;
import io.taskercore.model.TaskState;
import io.taskercore.model.TemplateKey;
import io.taskercore.model.Transition;
import java.sql.Array;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** How steps are taken from the queue: the first half of the hot path, one statement each. */
public final class StepClaims {

  /**
   * A step taken from the queue.
   *
   * @param beginsTask whether its task began with this claim
   * @param runAt since when it could run
   * @param taskCreatedAt distinguishes its task from another one that had the same id
   */
  public record Taken(ClaimedStep step, StepState from, boolean beginsTask, Instant runAt, Instant taskCreatedAt) {}

  /**
   * What one statement has claimed.
   *
   * @param at when it claimed; null if it claimed nothing
   * @param newestTransition the newest entry that the statement has written to the log
   * @param apartWaits whether there are, or were, steps for the same claimer that are claimed apart; always false for claims of one task
   *     or step
   */
  public record Claims(List<Taken> taken, Instant at, long newestTransition, boolean apartWaits) {
    public List<ClaimedStep> steps() {
      return taken.stream().map(Taken::step).toList();
    }

    /** The claims as entries of the log. A task that begins comes before its first step. */
    public Changes changes() {
      List<Transition> transitions = new ArrayList<>(taken.size() + 1);
      Set<Long> begun = new HashSet<>();
      for (Taken one : taken) {
        if (one.beginsTask() && begun.add(one.step().taskId())) {
          transitions.add(Transition.ofTask(one.step().taskId(), TaskState.PENDING, TaskState.IN_PROGRESS));
        }
        transitions.add(
            Transition.ofStep(one.step().stepId(), one.from(), StepState.IN_PROGRESS, one.step().attempt()));
      }
      return new Changes(List.of(), transitions, steps(), List.of(), at, newestTransition);
    }
  }

  /**
   * Which steps may be claimed apart ({@code tasker.is_apart}).
   *
   * @param places how many at most: one for each slot that is held free
   * @param lastChance whether one of them may be on its last chance
   */
  public record Apart(int places, boolean lastChance) {
    public static final Apart NONE = new Apart(0, false);

    private boolean mayTakeLastChance() {
      return lastChance && places > 0;
    }
  }

  /**
   * The priorities that occur in the queue for each of some handlers, once for steps that are claimed apart and once for the others. Each
   * is found by one look at step_queue_order. A backlog of other handlers' steps is not touched, however long it is.
   */
  private static final String LEVELS = """
      WITH RECURSIVE level AS (
        SELECT h.handler, a.apart, (
            SELECT q.priority FROM tasker.step_queue q WHERE q.handler = h.handler AND q.apart = a.apart
            ORDER BY q.priority DESC LIMIT 1) AS priority
        FROM unnest(?::text[]) AS h(handler)
        CROSS JOIN unnest(?::boolean[]) AS a(apart)
        UNION ALL
        SELECT l.handler, l.apart, (
            SELECT q.priority FROM tasker.step_queue q WHERE q.handler = l.handler AND q.apart = l.apart AND q.priority < l.priority
            ORDER BY q.priority DESC LIMIT 1)
        FROM level l
        WHERE l.priority IS NOT NULL
      """;

  private static final List<Boolean> USUAL = List.of(false);
  private static final List<Boolean> ALL = List.of(false, true);

  /** Whether a step that is claimed apart could run now with these handlers (step_queue_apart). Usually there is no such step at all. */
  private static final String APART_WAITS = """
      (EXISTS (SELECT 1 FROM tasker.step_queue WHERE apart) AND EXISTS (
        SELECT 1
        FROM unnest(?::text[]) AS h(handler)
        WHERE EXISTS (
          SELECT 1 FROM tasker.step_queue q
          WHERE q.apart AND q.handler = h.handler AND q.run_at <= tasker.now() AND (NOT q.last_chance OR ?)
            AND (cardinality(?::text[]) = 0 OR q.namespace = ANY (?)))))""";

  private static final String LAST_CHANCE = """
          UNION ALL (
            SELECT q.ctid, q.priority, q.run_at, q.step_id, q.apart
            FROM tasker.step_queue q
            WHERE q.apart AND q.last_chance AND q.run_at <= tasker.now() AND q.handler = ANY (?)
              AND (cardinality(?::text[]) = 0 OR q.namespace = ANY (?))
            ORDER BY q.priority DESC, q.run_at, q.step_id
            LIMIT 1)
      """;

  /** The candidates, without steps that are claimed apart and find no free slot. */
  private static final String BOUNDED = """
      (
            SELECT n.*
            FROM (
              SELECT c.*, count(*) FILTER (WHERE c.apart) OVER (ORDER BY c.priority DESC, c.run_at, c.step_id) AS places
              FROM candidate c) n
            WHERE NOT n.apart OR n.places <= ?
            ORDER BY n.priority DESC, n.run_at, n.step_id)""";

  private static final String TASK_IS_FREE = Sql.of("""
          CROSS JOIN LATERAL (
            SELECT 1 FROM tasker.tasks t WHERE t.task_id = p.task_id AND t.state <> {pending}
            UNION ALL
            SELECT 1
            FROM (
              SELECT 1 FROM tasker.tasks t WHERE t.task_id = p.task_id AND t.state = {pending}
              FOR NO KEY UPDATE SKIP LOCKED OFFSET 0) pending
          ) free
      """);

  /** What all claims do with the queue rows that they have picked. */
  private static final String CLAIM_PICKED = Sql.of("""
        ), begun AS (
          UPDATE tasker.tasks t
          SET state = {in_progress}, started_at = tasker.now()
          WHERE t.task_id IN (
            SELECT p.task_id
            FROM (SELECT DISTINCT task_id FROM picked) k
            -- OFFSET 0: by the key of each, never the other way round over all tasks that are pending.
            CROSS JOIN LATERAL (
              SELECT task_id FROM tasker.tasks WHERE task_id = k.task_id AND state = {pending}
              FOR NO KEY UPDATE SKIP LOCKED OFFSET 0) p)
          RETURNING t.task_id
        ), dequeued AS (
          DELETE FROM tasker.step_queue q
          USING picked p
          JOIN tasker.tasks t ON t.task_id = p.task_id
          WHERE q.task_id = p.task_id AND q.step_id = p.step_id
            AND (t.state = {in_progress} OR t.task_id IN (SELECT task_id FROM begun))
          RETURNING q.task_id, q.step_id, q.state, q.priority, q.run_at, q.apart, q.last_chance, t.state = {pending} AS begins_task,
            t.created_at AS task_created_at
        ), claimed AS (
          UPDATE tasker.workflow_steps s
          SET state = {in_progress}, attempts = s.attempts + 1, fence = s.fence + ?, process_id = ?,
              next_run_at = NULL, started_at = tasker.now(), completed_at = NULL
          FROM dequeued d
          WHERE s.task_id = d.task_id AND s.step_id = d.step_id AND tasker.is_queued(s.state)
          RETURNING s.task_id, s.step_id, s.name, s.handler, s.parents, s.children, s.attempts, s.crashes, s.max_attempts,
            s.fence, s.started_at, d.state AS from_state, d.priority, d.run_at, d.begins_task, d.apart, d.last_chance, d.task_created_at
        ), logged AS (
          INSERT INTO tasker.transitions (task_id, step_id, from_state, to_state, attempt, at)
          SELECT e.task_id, e.step_id, e.from_state, {in_progress}, e.attempt, tasker.now()
          FROM (
            SELECT b.task_id, NULL::bigint AS step_id, {pending} AS from_state, NULL::smallint AS attempt FROM begun b
            UNION ALL
            SELECT c.task_id, c.step_id, c.from_state, c.attempts FROM claimed c
          ) e
          ORDER BY e.step_id NULLS FIRST
          RETURNING transition_id
        ), listed AS (
          INSERT INTO tasker.process_tasks (process_id, jump, task_ids)
          SELECT ?, ?, array_agg(DISTINCT c.task_id)
          FROM claimed c
          HAVING count(*) > 0
        )
        SELECT task_id, step_id, name, handler, parents, children, attempts, crashes, max_attempts, fence, from_state,
          begins_task, apart, last_chance, run_at, started_at, task_created_at,
          (SELECT max(transition_id) FROM logged) AS newest_transition, %s AS apart_waits
        FROM claimed
        ORDER BY priority DESC, run_at, step_id""");

  private static final String CLAIM_AND_LOOK = CLAIM_PICKED.replace("%s", APART_WAITS);
  private static final String CLAIM = CLAIM_PICKED.replace("%s", "false");

  /**
   * Claims steps of one task that may run now and whose handler is at hand.
   *
   * <p>Takes queue rows with SKIP LOCKED (by the primary key of step_queue), so it never waits for another claim. The first claim of a
   * task also begins the task, which needs the task's row; while somebody else has locked that row, the step stays in the queue for the
   * next look.
   *
   * @param handlers names of the handlers at hand
   * @param limit how many at most
   */
  public Claims claimOfTask(
      Connection connection, Claimant claimant, long taskId, Collection<String> handlers, Apart apart, int limit)
      throws SQLException {
    String sql = """
        WITH picked AS MATERIALIZED (
          SELECT q.task_id, q.step_id
          FROM tasker.step_queue q
          WHERE q.task_id = ? AND q.run_at <= tasker.now() AND q.handler = ANY (?)
            AND (NOT q.apart OR q.step_id IN (
              SELECT a.step_id
              FROM (
                SELECT s.step_id, s.run_at, s.last_chance,
                  row_number() OVER (PARTITION BY s.last_chance ORDER BY s.run_at, s.step_id) AS nth
                FROM tasker.step_queue s
                WHERE s.task_id = ? AND s.apart AND s.run_at <= tasker.now() AND s.handler = ANY (?)) a
              WHERE NOT a.last_chance OR (? AND a.nth = 1)
              ORDER BY a.run_at, a.step_id
              LIMIT ?))
          ORDER BY q.run_at, q.step_id
          LIMIT ?
          FOR UPDATE SKIP LOCKED
        """ + CLAIM;
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      Array names = Rows.texts(connection, handlers);
      statement.setLong(1, taskId);
      statement.setArray(2, names);
      statement.setLong(3, taskId);
      statement.setArray(4, names);
      statement.setBoolean(5, apart.mayTakeLastChance());
      statement.setInt(6, apart.places());
      statement.setInt(7, limit);
      setClaimant(statement, 8, claimant);
      return claims(statement);
    }
  }

  /**
   * Claims steps of any task that may run now and whose handler is at hand: higher priority first, then the time since when they may run,
   * then the id.
   *
   * <p>Looks at each handler and priority separately (step_queue_order), because only there do the steps that may run come first. It
   * looks at more candidates than it takes, because it passes over those that others have locked at the moment.
   *
   * <p>The first claim of a task also begins the task, unless somebody else has locked its row at the moment. A deep claim passes over
   * the steps of such tasks, too; another claim may pick them, and take nothing.
   *
   * @param namespaces empty: all
   * @param limit how many at most
   * @param candidates how many to look at
   * @param deep whether to pass over steps whose task cannot be begun at the moment
   */
  public Claims claimReady(
      Connection connection,
      Claimant claimant,
      Collection<String> handlers,
      Collection<String> namespaces,
      Apart apart,
      int limit,
      int candidates,
      boolean deep)
      throws SQLException {
    String sql = LEVELS + """
        ), candidate AS MATERIALIZED (
          SELECT r.*
          FROM level l
          CROSS JOIN LATERAL (
            SELECT q.ctid, q.priority, q.run_at, q.step_id, q.apart
            FROM tasker.step_queue q
            WHERE q.handler = l.handler AND q.apart = l.apart AND q.priority = l.priority AND q.run_at <= tasker.now()
              AND NOT (q.apart AND q.last_chance) AND (cardinality(?::text[]) = 0 OR q.namespace = ANY (?))
            ORDER BY q.run_at, q.step_id
            LIMIT ?) r
        """ + (apart.mayTakeLastChance() ? LAST_CHANCE : "") + """
          ORDER BY priority DESC, run_at, step_id
          LIMIT ?
        ), picked AS MATERIALIZED (
          SELECT p.task_id, p.step_id
          FROM\s""" + (apart.places() > 0 ? BOUNDED : "candidate") + """
           c
          CROSS JOIN LATERAL (
            SELECT q.task_id, q.step_id FROM tasker.step_queue q WHERE q.ctid = c.ctid FOR UPDATE SKIP LOCKED OFFSET 0) p
        """ + (deep ? TASK_IS_FREE : "") + """
          LIMIT ?
        """ + CLAIM_AND_LOOK;
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      Array names = Rows.texts(connection, handlers);
      Array spaces = Rows.texts(connection, namespaces);
      int p = 0;
      statement.setArray(++p, names);
      statement.setArray(++p, Rows.booleans(connection, apart.places() > 0 ? ALL : USUAL));
      statement.setArray(++p, spaces);
      statement.setArray(++p, spaces);
      statement.setInt(++p, candidates);
      if (apart.mayTakeLastChance()) {
        statement.setArray(++p, names);
        statement.setArray(++p, spaces);
        statement.setArray(++p, spaces);
      }
      statement.setInt(++p, candidates);
      if (apart.places() > 0) {
        statement.setInt(++p, apart.places());
      }
      statement.setInt(++p, limit);
      setApartWaits(statement, setClaimant(statement, ++p, claimant), names, apart.lastChance(), spaces);
      return claims(statement);
    }
  }

  /**
   * Claims one step, if it may run now. Like the other claims it waits for nobody (primary key of step_queue, SKIP LOCKED).
   *
   * @return no claim if the step is not in the queue, its time has not come, or somebody else has locked its queue row. The same holds if
   *     {@code apart} does not admit it, or if this is its task's first claim and somebody else has locked the task's row
   */
  public Claims claimStep(Connection connection, Claimant claimant, long stepId, Apart apart) throws SQLException {
    String sql = """
        WITH picked AS MATERIALIZED (
          SELECT q.task_id, q.step_id
          FROM tasker.step_queue q
          WHERE q.task_id = ? AND q.step_id = ? AND q.run_at <= tasker.now()
            AND (NOT q.apart OR ?) AND (NOT q.last_chance OR ?)
          FOR UPDATE SKIP LOCKED
        """ + CLAIM;
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      statement.setLong(1, ClaimedStep.taskIdOf(stepId));
      statement.setLong(2, stepId);
      statement.setBoolean(3, apart.places() > 0);
      statement.setBoolean(4, apart.mayTakeLastChance());
      setClaimant(statement, 5, claimant);
      return claims(statement);
    }
  }

  /** The parameters of {@link #CLAIM_PICKED}; returns the index of the next one. */
  private static int setClaimant(PreparedStatement statement, int first, Claimant claimant) throws SQLException {
    statement.setLong(first, claimant.jump());
    statement.setLong(first + 1, claimant.processId());
    statement.setLong(first + 2, claimant.processId());
    statement.setLong(first + 3, claimant.jump());
    return first + 4;
  }

  /** The parameters of {@link #APART_WAITS}. */
  private static void setApartWaits(
      PreparedStatement statement, int first, Array handlers, boolean mayTakeLastChance, Array namespaces) throws SQLException {
    statement.setArray(first, handlers);
    statement.setBoolean(first + 1, mayTakeLastChance);
    statement.setArray(first + 2, namespaces);
    statement.setArray(first + 3, namespaces);
  }

  /**
   * What a claimer that got nothing may expect.
   *
   * @param ready whether steps for the handlers may run now and are not claimed apart; others may be about to claim them
   * @param nextInMs how long until the next step may run, in milliseconds; null if none waits for its time
   * @param apartWaits whether there are steps that may run now and are claimed apart
   * @param newestTemplate the template registered last
   */
  public record QueueForecast(boolean ready, Long nextInMs, boolean apartWaits, TemplateKey newestTemplate) {}

  /**
   * @param namespaces empty: all
   * @param mayTakeLastChance whether a step on its last chance may be claimed
   */
  public QueueForecast forecast(
      Connection connection, Collection<String> handlers, Collection<String> namespaces, boolean mayTakeLastChance)
      throws SQLException {
    String sql = LEVELS + """
        )
        SELECT COALESCE(bool_or(r.ready), false) AS ready,
          extract(epoch FROM min(r.next_at) - tasker.now()) * 1000 AS next_in_ms,
          %s AS apart_waits,
          (SELECT t.template_id FROM tasker.templates t ORDER BY t.template_id DESC LIMIT 1) AS template_id,
          (SELECT t.digest FROM tasker.templates t ORDER BY t.template_id DESC LIMIT 1) AS digest
        FROM level l
        CROSS JOIN LATERAL (
          SELECT
            NOT l.apart AND EXISTS (
              SELECT 1 FROM tasker.step_queue q
              WHERE q.handler = l.handler AND q.apart = l.apart AND q.priority = l.priority AND q.run_at <= tasker.now()) AS ready,
            (SELECT q.run_at
             FROM tasker.step_queue q
             WHERE q.handler = l.handler AND q.apart = l.apart AND q.priority = l.priority AND q.run_at > tasker.now()
             ORDER BY q.run_at, q.step_id
             LIMIT 1) AS next_at) r""".replace("%s", APART_WAITS);
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      Array names = Rows.texts(connection, handlers);
      statement.setArray(1, names);
      statement.setArray(2, Rows.booleans(connection, ALL));
      setApartWaits(statement, 3, names, mayTakeLastChance, Rows.texts(connection, namespaces));
      try (ResultSet row = statement.executeQuery()) {
        row.next();
        return new QueueForecast(
            row.getBoolean("ready"), Rows.longOrNull(row, "next_in_ms"), row.getBoolean("apart_waits"), TemplateStore.key(row));
      }
    }
  }

  private static Claims claims(PreparedStatement statement) throws SQLException {
    try (ResultSet row = statement.executeQuery()) {
      List<Taken> taken = new ArrayList<>();
      Instant at = null;
      long newestTransition = 0;
      boolean apartWaits = false;
      while (row.next()) {
        if (taken.isEmpty()) {
          at = Rows.instant(row, "started_at");
          newestTransition = row.getLong("newest_transition");
          apartWaits = row.getBoolean("apart_waits");
        }
        taken.add(taken(row, row.getBoolean("apart"), row.getBoolean("last_chance")));
      }
      return new Claims(taken, at, newestTransition, apartWaits);
    }
  }

  static Taken taken(ResultSet row, boolean apart, boolean lastChance) throws SQLException {
    return new Taken(
        StepStore.claimedStep(row, "attempts", apart, lastChance),
        StepState.of(row.getString("from_state")),
        row.getBoolean("begins_task"),
        Rows.instant(row, "run_at"),
        Rows.instant(row, "task_created_at"));
  }
}
