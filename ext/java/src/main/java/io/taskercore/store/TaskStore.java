package io.taskercore.store;

import io.taskercore.model.JsonWriter;
import io.taskercore.model.NewTask;
import io.taskercore.model.TaskFacts;
import io.taskercore.model.TaskState;
import io.taskercore.model.TemplateKey;
import io.taskercore.store.StepClaims.Claims;
import io.taskercore.store.StepClaims.Taken;
import java.sql.Array;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Tasks: their creation, their row as a lock, and what is asked about them as a whole. */
public final class TaskStore {

  private static final Claimant NOBODY = new Claimant(0, 1);

  /** A task's row, locked until the transaction ends. */
  public record LockedTask(long taskId, TaskState state) {}

  /** The task that an idempotency key made before. */
  public record Earlier(long taskId, int totalSteps, TaskState state, boolean samePayload) {}

  /** How many attempts a step may have, by its own name or its handler's; stronger than the template. */
  public record AttemptLimits(Map<String, Integer> byName) {
    private Array names(Connection connection) throws SQLException {
      return Rows.texts(connection, byName.keySet());
    }

    private Array attempts(Connection connection) throws SQLException {
      return connection.createArrayOf("smallint", byName.values().toArray());
    }
  }

  /**
   * The tasks that were written, in the order given.
   *
   * @param claims the claims of their root steps
   */
  public record Created(List<Long> taskIds, Instant at, Claims claims) {

    public static final Created NOTHING = new Created(List.of(), null, new Claims(List.of(), null, 0, false));
  }

  /** Draws ids for this many tasks. Ids of a transaction that fails are lost, which does no harm. */
  public List<Long> nextIds(Connection connection, int count) throws SQLException {
    String sql = "SELECT nextval('tasker.tasks_task_id_seq') FROM generate_series(1, ?)";
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      statement.setInt(1, count);
      return ids(statement);
    }
  }

  /**
   * Takes the idempotency keys that are free. It takes them in the order of the keys, so that two callers who want the same ones cannot
   * lock each other out, and waits for others who are about to take one.
   *
   * @return the ids of those tasks that got their key
   */
  public Set<Long> reserveKeys(Connection connection, List<NewTask> tasks) throws SQLException {
    String sql = """
        INSERT INTO tasker.idempotency_keys (namespace, name, idempotency_key, task_id)
        SELECT k.namespace, k.name, k.idempotency_key, k.task_id
        FROM unnest(?::text[], ?::text[], ?::text[], ?::bigint[]) AS k(namespace, name, idempotency_key, task_id)
        ORDER BY k.namespace, k.name, k.idempotency_key, k.task_id
        ON CONFLICT DO NOTHING
        RETURNING task_id""";
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      statement.setArray(1, Rows.column(connection, "text", tasks, NewTask::namespace));
      statement.setArray(2, Rows.column(connection, "text", tasks, NewTask::name));
      statement.setArray(3, Rows.column(connection, "text", tasks, NewTask::idempotencyKey));
      statement.setArray(4, Rows.column(connection, "bigint", tasks, NewTask::taskId));
      return new HashSet<>(ids(statement));
    }
  }

  /**
   * The task that has the key now, if one has. Payloads are compared as {@code jsonb}, so that neither spacing nor the order of keys
   * counts.
   */
  public Optional<Earlier> earlier(Connection connection, NewTask task) throws SQLException {
    String sql = """
        SELECT t.task_id, t.total_steps, t.state, t.payload::jsonb = ?::jsonb AS same_payload
        FROM tasker.idempotency_keys k
        JOIN tasker.tasks t ON t.task_id = k.task_id
        WHERE k.namespace = ? AND k.name = ? AND k.idempotency_key = ?""";
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      statement.setString(1, task.payload().text());
      statement.setString(2, task.namespace());
      statement.setString(3, task.name());
      statement.setString(4, task.idempotencyKey());
      try (ResultSet row = statement.executeQuery()) {
        if (!row.next()) {
          return Optional.empty();
        }
        return Optional.of(new Earlier(
            row.getLong("task_id"),
            row.getInt("total_steps"),
            TaskState.of(row.getString("state")),
            row.getBoolean("same_payload")));
      }
    }
  }

  /**
   * For whom root steps are claimed when their task is created.
   *
   * @param claimant null: for nobody
   * @param handlers names of the handlers at hand
   * @param limit how many steps at most
   */
  public record RootClaims(Claimant claimant, Collection<String> handlers, int limit) {
    public static final RootClaims NONE = new RootClaims(null, List.of(), 0);
  }

  /**
   * Says that the tasks were prepared with a template that this process remembers. It must still be the one that the request asks for.
   *
   * @param version the version that was asked for; null: the newest
   */
  public record Remembered(TemplateKey template, String version) {}

  private static final String CREATE = create("");

  private static final String CREATE_IF_STILL_NEWEST = create("""
          JOIN tasker.templates v
            ON v.template_id = r.template_id AND v.digest = ? AND v.template_id = tasker.newest_template(r.namespace, r.name, ?)
      """);

  /** @param proof a further condition on each request, without which nothing of it is written */
  private static String create(String proof) {
    return Sql.of("""
        WITH request AS MATERIALIZED (
          SELECT COALESCE(r.task_id, nextval('tasker.tasks_task_id_seq')) AS task_id, r.template_id, r.namespace, r.name,
            r.fail_fast, r.total_steps, r.root_steps, r.priority, r.correlation_id, r.idempotency_key, r.initiator, r.reason,
            r.tags, r.run_at, r.payload, r.position
          FROM unnest(?::bigint[], ?::bigint[], ?::text[], ?::text[], ?::boolean[], ?::smallint[], ?::smallint[],
              ?::smallint[], ?::text[], ?::text[], ?::text[], ?::text[], ?::text[], ?::timestamptz[], ?::text[])
            WITH ORDINALITY AS r(task_id, template_id, namespace, name, fail_fast, total_steps, root_steps,
              priority, correlation_id, idempotency_key, initiator, reason, tags, run_at, payload, position)
        """ + proof + """
        ), begun AS MATERIALIZED (
          SELECT r.task_id, d.ordinal
          FROM request r
          JOIN tasker.template_steps d ON d.template_id = r.template_id
          WHERE cardinality(d.parents) = 0 AND d.handler = ANY (?) AND (r.run_at IS NULL OR r.run_at <= tasker.now())
            AND COALESCE(d.max_crashes, ?) > 1
          ORDER BY r.task_id, d.ordinal
          LIMIT ?
        ), new_task AS (
          INSERT INTO tasker.tasks (task_id, template_id, namespace, name, priority, fail_fast, total_steps, correlation_id,
            idempotency_key, initiator, reason, tags, run_at, payload, created_at, active_steps, state, started_at)
          SELECT r.task_id, r.template_id, r.namespace, r.name, r.priority, r.fail_fast, r.total_steps, r.correlation_id,
            r.idempotency_key, r.initiator, r.reason,
            CASE WHEN r.tags IS NULL THEN ARRAY[]::text[] ELSE ARRAY(SELECT json_array_elements_text(r.tags::json)) END,
            r.run_at, r.payload::json, tasker.now(), r.root_steps,
            CASE WHEN b.task_id IS NULL THEN {pending} ELSE {in_progress} END,
            CASE WHEN b.task_id IS NOT NULL THEN tasker.now() END
          FROM request r
          LEFT JOIN (SELECT DISTINCT task_id FROM begun) b ON b.task_id = r.task_id
        ), new_step AS (
          INSERT INTO tasker.workflow_steps (task_id, step_id, name, handler, parents, children, max_crashes, max_attempts,
            state, waiting_on, next_run_at, attempts, fence, process_id, started_at)
          SELECT r.task_id, tasker.step_id(r.task_id, d.ordinal), d.name, d.handler, d.parents, d.children,
            COALESCE(d.max_crashes, ?),
            COALESCE(
              (SELECT l.attempts FROM unnest(?::text[], ?::smallint[]) AS l(name, attempts) WHERE l.name = d.name),
              (SELECT l.attempts FROM unnest(?::text[], ?::smallint[]) AS l(name, attempts) WHERE l.name = d.handler),
              d.max_attempts),
            CASE WHEN b.task_id IS NOT NULL THEN {in_progress}
                 WHEN cardinality(d.parents) = 0 THEN {enqueued} ELSE {pending} END,
            cardinality(d.parents),
            CASE WHEN cardinality(d.parents) = 0 AND b.task_id IS NULL THEN r.run_at END,
            CASE WHEN b.task_id IS NULL THEN 0 ELSE 1 END,
            CASE WHEN b.task_id IS NULL THEN 0 ELSE ? END,
            CASE WHEN b.task_id IS NOT NULL THEN ?::bigint END,
            CASE WHEN b.task_id IS NOT NULL THEN tasker.now() END
          FROM request r
          JOIN tasker.template_steps d ON d.template_id = r.template_id
          LEFT JOIN begun b ON b.task_id = r.task_id AND b.ordinal = d.ordinal
          RETURNING task_id, step_id, name, handler, parents, children, state, attempts, crashes, max_attempts, fence
        ), queued AS (
          INSERT INTO tasker.step_queue (task_id, step_id, state, priority, run_at, namespace, handler, apart)
          SELECT r.task_id, tasker.step_id(r.task_id, d.ordinal), {enqueued}, r.priority, COALESCE(r.run_at, tasker.now()),
            r.namespace, d.handler, COALESCE(d.max_crashes, ?) = 1
          FROM request r
          JOIN tasker.template_steps d ON d.template_id = r.template_id
          LEFT JOIN begun b ON b.task_id = r.task_id AND b.ordinal = d.ordinal
          WHERE cardinality(d.parents) = 0 AND b.task_id IS NULL
        ), logged AS (
          INSERT INTO tasker.transitions (task_id, step_id, from_state, to_state, attempt, at)
          SELECT e.task_id, e.step_id, e.from_state, {in_progress}, e.attempt, tasker.now()
          FROM (
            SELECT DISTINCT task_id, NULL::bigint AS step_id, {pending} AS from_state, NULL::smallint AS attempt FROM begun
            UNION ALL
            SELECT task_id, tasker.step_id(task_id, ordinal), {enqueued}, 1::smallint FROM begun
          ) e
          ORDER BY e.task_id, e.step_id NULLS FIRST
          RETURNING transition_id
        ), listed AS (
          INSERT INTO tasker.process_tasks (process_id, jump, task_ids)
          SELECT ?, ?, array_agg(DISTINCT b.task_id)
          FROM begun b
          HAVING count(*) > 0
        )
        SELECT task_id, tasker.now() AS at, NULL::bigint AS step_id, NULL AS name, NULL AS handler, NULL::smallint[] AS parents,
          NULL::smallint[] AS children, NULL::smallint AS attempts, NULL::smallint AS crashes, NULL::smallint AS max_attempts,
          NULL::bigint AS fence, NULL AS from_state, NULL::boolean AS begins_task, NULL::timestamptz AS run_at,
          NULL::timestamptz AS task_created_at,
          (SELECT max(transition_id) FROM logged) AS newest_transition, position
        FROM request
        UNION ALL
        SELECT task_id, NULL, step_id, name, handler, parents, children, attempts, crashes, max_attempts, fence, {enqueued},
          true, tasker.now(), tasker.now(), NULL, NULL
        FROM new_step
        WHERE state = {in_progress}
        ORDER BY position NULLS LAST, step_id""");
  }

  /**
   * Writes the tasks, their steps and the queue rows of their root steps in one statement. Root steps that are claimed at once never see
   * the queue.
   *
   * @param remembered null: the templates were looked up in this transaction
   * @throws StaleTemplate if a template is no longer what the task was prepared with; nothing is written then
   */
  public Created create(
      Connection connection, List<NewTask> tasks, AttemptLimits limits, int maxCrashes, RootClaims claims, Remembered remembered)
      throws SQLException {
    try (PreparedStatement statement = connection.prepareStatement(remembered == null ? CREATE : CREATE_IF_STILL_NEWEST)) {
      int p = 0;
      statement.setArray(++p, Rows.column(connection, "bigint", tasks, NewTask::taskId));
      statement.setArray(++p, Rows.column(connection, "bigint", tasks, task -> task.template().templateId()));
      statement.setArray(++p, Rows.column(connection, "text", tasks, NewTask::namespace));
      statement.setArray(++p, Rows.column(connection, "text", tasks, NewTask::name));
      statement.setArray(++p, Rows.column(connection, "boolean", tasks, NewTask::failFast));
      statement.setArray(++p, Rows.column(connection, "smallint", tasks, NewTask::totalSteps));
      statement.setArray(++p, Rows.column(connection, "smallint", tasks, NewTask::rootSteps));
      statement.setArray(++p, Rows.column(connection, "smallint", tasks, NewTask::priority));
      statement.setArray(++p, Rows.column(connection, "text", tasks, NewTask::correlationId));
      statement.setArray(++p, Rows.column(connection, "text", tasks, NewTask::idempotencyKey));
      statement.setArray(++p, Rows.column(connection, "text", tasks, NewTask::initiator));
      statement.setArray(++p, Rows.column(connection, "text", tasks, NewTask::reason));
      statement.setArray(++p, Rows.column(connection, "text", tasks, TaskStore::tags));
      statement.setArray(++p, Rows.column(connection, "timestamptz", tasks, TaskStore::runAt));
      statement.setArray(++p, Rows.column(connection, "text", tasks, task -> task.payload().text()));
      if (remembered != null) {
        statement.setLong(++p, remembered.template().digest());
        statement.setString(++p, remembered.version());
      }
      statement.setArray(++p, Rows.texts(connection, claims.handlers()));
      statement.setInt(++p, maxCrashes);
      statement.setInt(++p, claims.limit());
      statement.setInt(++p, maxCrashes);
      Array names = limits.names(connection);
      Array attempts = limits.attempts(connection);
      statement.setArray(++p, names);
      statement.setArray(++p, attempts);
      statement.setArray(++p, names);
      statement.setArray(++p, attempts);
      Claimant claimant = claims.claimant() == null ? NOBODY : claims.claimant();
      statement.setLong(++p, claimant.jump());
      statement.setLong(++p, claimant.processId());
      statement.setInt(++p, maxCrashes);
      statement.setLong(++p, claimant.processId());
      statement.setLong(++p, claimant.jump());
      Created created = created(statement);
      if (created.taskIds().size() < tasks.size()) {
        throw new StaleTemplate();
      }
      return created;
    }
  }

  private static Created created(PreparedStatement statement) throws SQLException {
    try (ResultSet row = statement.executeQuery()) {
      List<Long> taskIds = new ArrayList<>();
      List<Taken> taken = new ArrayList<>();
      Instant at = null;
      long newestTransition = 0;
      while (row.next()) {
        if (taskIds.isEmpty()) {
          at = Rows.instant(row, "at");
          newestTransition = row.getLong("newest_transition");
        }
        if (Rows.longOrNull(row, "step_id") == null) {
          taskIds.add(row.getLong("task_id"));
        } else {
          taken.add(StepClaims.taken(row, false, false));
        }
      }
      return new Created(taskIds, at, new Claims(taken, at, newestTransition, false));
    }
  }

  private static Object tags(NewTask task) {
    return task.tags().isEmpty()
        ? null
        : JsonWriter.array(task.tags().stream().map(JsonWriter::string).toList()).text();
  }

  private static Object runAt(NewTask task) {
    return task.runAt() == null ? null : task.runAt().atOffset(ZoneOffset.UTC).toString();
  }

  /**
   * Locks the task's row. Until the transaction ends, nothing is recorded for the task except plain outcomes
   * ({@link Transitions#record}). Take it before any lock on its steps.
   */
  public Optional<LockedTask> lock(Connection connection, long taskId) throws SQLException {
    String sql = """
        SELECT task_id, state
        FROM tasker.tasks
        WHERE task_id = ?
        FOR NO KEY UPDATE""";
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      statement.setLong(1, taskId);
      try (ResultSet row = statement.executeQuery()) {
        return row.next()
            ? Optional.of(new LockedTask(row.getLong("task_id"), TaskState.of(row.getString("state"))))
            : Optional.empty();
      }
    }
  }

  /** A task as a run begins with it. */
  public record Found(TaskFacts facts, TaskState state) {}

  /** Those of the tasks that exist. */
  public List<Found> find(Connection connection, Collection<Long> taskIds) throws SQLException {
    String sql = """
        SELECT t.task_id, t.created_at, t.template_id, v.digest, t.namespace, t.name, t.correlation_id, t.fail_fast, t.payload, t.state
        FROM tasker.tasks t
        JOIN tasker.templates v ON v.template_id = t.template_id
        WHERE t.task_id = ANY (?)""";
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      statement.setArray(1, Rows.bigints(connection, taskIds));
      try (ResultSet row = statement.executeQuery()) {
        List<Found> found = new ArrayList<>();
        while (row.next()) {
          TaskFacts facts = new TaskFacts(
              row.getLong("task_id"),
              Rows.instant(row, "created_at"),
              TemplateStore.key(row),
              row.getString("namespace"),
              row.getString("name"),
              row.getString("correlation_id"),
              row.getBoolean("fail_fast"),
              Rows.json(row, "payload"));
          found.add(new Found(facts, TaskState.of(row.getString("state"))));
        }
        return found;
      }
    }
  }

  private static List<Long> ids(PreparedStatement statement) throws SQLException {
    try (ResultSet row = statement.executeQuery()) {
      List<Long> ids = new ArrayList<>();
      while (row.next()) {
        ids.add(row.getLong(1));
      }
      return ids;
    }
  }
}
