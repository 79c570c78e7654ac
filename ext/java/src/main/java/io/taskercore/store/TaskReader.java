package io.taskercore.store;

import io.taskercore.model.ClaimedStep;
import io.taskercore.model.Format;
import io.taskercore.model.Json;
import io.taskercore.model.StepCounts;
import io.taskercore.model.StepState;
import io.taskercore.model.TaskFacts;
import io.taskercore.model.TaskState;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Optional;

/** Answers questions about tasks. Each question is one statement, so that its answer is of one moment. */
public final class TaskReader {

  /** A task without its steps. */
  public record TaskRow(
      long taskId,
      String namespace,
      String name,
      String version,
      TaskState state,
      int priority,
      List<String> tags,
      String correlationId,
      String idempotencyKey,
      String initiator,
      String reason,
      Instant createdAt,
      Instant completedAt) {}

  /** Everything about a task; {@code steps} and {@code transitions} are JSON arrays. */
  public record TaskView(TaskRow task, Json payload, StepCounts counts, Json steps, Json transitions) {}

  /**
   * How far a task is, as seen from where some handlers are at hand.
   *
   * @param nextRunAt when the earliest step that waits for its time may run; null if none waits
   * @param nextRunInMs the same from now, in milliseconds; null if none waits
   * @param runnableHere how many steps are queued, now or for later, and have their handler at hand
   */
  public record Progress(
      TaskState state, StepCounts counts, Instant nextRunAt, Long nextRunInMs, int runnableHere) {}

  /** A step, and the state of its task. */
  public record StepRow(
      long stepId,
      String name,
      String handler,
      StepState state,
      TaskState taskState,
      int attempts,
      int maxAttempts,
      Json result,
      Json error,
      Instant nextRunAt,
      Instant startedAt,
      Instant completedAt) {}

  /** Why a step is where it is. */
  public record StepStatus(
      long stepId,
      String name,
      StepState state,
      TaskState taskState,
      String handler,
      Instant runAt,
      boolean due,
      boolean handlerAlive,
      int attempts,
      int crashes,
      int maxAttempts,
      Instant startedAt,
      String holder,
      boolean holderIsSilent,
      List<String> openParents) {}

  /**
   * A step in the graph of its task.
   *
   * @param failure the code or the message of its error; null unless it has failed for good
   */
  public record Vertex(int ordinal, String name, StepState state, List<Integer> parents, String failure) {}

  /** Which tasks to list, newest first. A field that does not matter is null. */
  public record Filter(
      String namespace,
      String name,
      TaskState state,
      String tag,
      Instant createdAfter,
      Instant createdBefore,
      Long belowTaskId,
      int limit) {

    /** The same, of older tasks only. */
    public Filter below(Long taskId) {
      return new Filter(namespace, name, state, tag, createdAfter, createdBefore, taskId, limit);
    }
  }

  private static final String COUNTS = Sql.of("""
      count(*) AS total_steps,
      count(*) FILTER (WHERE s.state = {pending}) AS pending_steps,
      count(*) FILTER (WHERE s.state = {enqueued}) AS enqueued_steps,
      count(*) FILTER (WHERE s.state = {in_progress}) AS in_progress_steps,
      count(*) FILTER (WHERE s.state = {waiting_for_retry}) AS waiting_steps,
      count(*) FILTER (WHERE tasker.is_satisfied(s.state)) AS completed_steps,
      count(*) FILTER (WHERE s.state = {error}) AS failed_steps,
      count(*) FILTER (WHERE s.state = {cancelled}) AS cancelled_steps
      """);

  private static final String TASK_COLUMNS = """
      t.task_id, t.namespace, t.name, v.version, t.state, t.priority, t.tags, t.correlation_id, t.idempotency_key, t.initiator,
      t.reason, t.created_at, t.completed_at
      """;

  public Optional<TaskView> view(Connection connection, long taskId) throws SQLException {
    String sql = Format.text("""
        SELECT %s, t.payload, c.*,
          (SELECT json_agg(json_build_object(
              'step_id', s.step_id,
              'name', s.name,
              'handler', s.handler,
              'state', s.state,
              'attempts', s.attempts,
              'crashes', s.crashes,
              'max_attempts', s.max_attempts,
              'depends_on', COALESCE((
                SELECT json_agg(p.name ORDER BY p.step_id)
                FROM unnest(s.parents) AS o(ordinal)
                JOIN tasker.workflow_steps p ON p.task_id = s.task_id AND p.step_id = tasker.step_id(s.task_id, o.ordinal)), '[]'),
              'result', s.result,
              'metadata', s.metadata,
              'error', s.error,
              'next_run_at', %s,
              'started_at', %s,
              'completed_at', %s,
              'duration_ms', round((extract(epoch FROM s.completed_at - s.started_at) * 1000)::numeric, 3)
            ) ORDER BY s.step_id)
           FROM tasker.workflow_steps s WHERE s.task_id = t.task_id) AS steps,
          COALESCE((SELECT json_agg(json_build_object(
              'step_id', l.step_id,
              'step_name', s.name,
              'from_state', l.from_state,
              'to_state', l.to_state,
              'attempt', l.attempt,
              'at', %s,
              'reason', l.reason
            ) ORDER BY l.transition_id)
           FROM tasker.transitions l
           LEFT JOIN tasker.workflow_steps s ON s.task_id = l.task_id AND s.step_id = l.step_id
           WHERE l.task_id = t.task_id), '[]') AS transitions
        FROM tasker.tasks t
        JOIN tasker.templates v ON v.template_id = t.template_id
        CROSS JOIN LATERAL (SELECT %s FROM tasker.workflow_steps s WHERE s.task_id = t.task_id) c
        WHERE t.task_id = ?""",
        TASK_COLUMNS, time("s.next_run_at"), time("s.started_at"), time("s.completed_at"), time("l.at"), COUNTS);
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      statement.setLong(1, taskId);
      try (ResultSet row = statement.executeQuery()) {
        return row.next()
            ? Optional.of(new TaskView(
                taskRow(row), Rows.json(row, "payload"), counts(row), Rows.json(row, "steps"), Rows.json(row, "transitions")))
            : Optional.empty();
      }
    }
  }

  /** SQL for the one form of times: UTC, milliseconds, Z. */
  private static String time(String column) {
    return "to_char(" + column + " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')";
  }

  /** Empty if the task no longer exists. Another task may have its id by then. */
  public Optional<Progress> progress(Connection connection, TaskFacts task, Collection<String> handlers) throws SQLException {
    String sql = Format.text("""
        SELECT t.state, c.*, extract(epoch FROM c.next_run_at - tasker.now()) * 1000 AS next_run_in_ms
        FROM tasker.tasks t
        CROSS JOIN LATERAL (
          SELECT %s,
            min(s.next_run_at) FILTER (WHERE tasker.is_queued(s.state)) AS next_run_at,
            count(*) FILTER (WHERE tasker.is_queued(s.state) AND s.handler = ANY (?)) AS runnable_here
          FROM tasker.workflow_steps s
          WHERE s.task_id = t.task_id
        ) c
        WHERE t.task_id = ? AND t.created_at = ?""", COUNTS);
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      statement.setArray(1, Rows.texts(connection, handlers));
      statement.setLong(2, task.taskId());
      statement.setObject(3, task.createdAt().atOffset(ZoneOffset.UTC));
      try (ResultSet row = statement.executeQuery()) {
        return row.next()
            ? Optional.of(new Progress(
                TaskState.of(row.getString("state")),
                counts(row),
                Rows.instant(row, "next_run_at"),
                Rows.longOrNull(row, "next_run_in_ms"),
                row.getInt("runnable_here")))
            : Optional.empty();
      }
    }
  }

  /** How many tasks have not ended (tasks_unfinished, without a look at the rows themselves). */
  public long activeTasks(Connection connection) throws SQLException {
    String sql = Sql.of("SELECT count(*) FROM tasker.tasks WHERE state IN ({pending}, {in_progress})");
    try (PreparedStatement statement = connection.prepareStatement(sql);
        ResultSet row = statement.executeQuery()) {
      row.next();
      return row.getLong(1);
    }
  }

  public Optional<TaskState> state(Connection connection, long taskId) throws SQLException {
    String sql = "SELECT state FROM tasker.tasks WHERE task_id = ?";
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      statement.setLong(1, taskId);
      try (ResultSet row = statement.executeQuery()) {
        return row.next() ? Optional.of(TaskState.of(row.getString("state"))) : Optional.empty();
      }
    }
  }

  public Optional<StepRow> step(Connection connection, long stepId) throws SQLException {
    String sql = """
        SELECT s.step_id, s.name, s.handler, s.state, t.state AS task_state, s.attempts, s.max_attempts, s.result, s.error,
          s.next_run_at, s.started_at, s.completed_at
        FROM tasker.workflow_steps s
        JOIN tasker.tasks t ON t.task_id = s.task_id
        WHERE s.task_id = ? AND s.step_id = ?""";
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      statement.setLong(1, ClaimedStep.taskIdOf(stepId));
      statement.setLong(2, stepId);
      try (ResultSet row = statement.executeQuery()) {
        return row.next() ? Optional.of(stepRow(row)) : Optional.empty();
      }
    }
  }

  private static StepRow stepRow(ResultSet row) throws SQLException {
    return new StepRow(
        row.getLong("step_id"),
        row.getString("name"),
        row.getString("handler"),
        StepState.of(row.getString("state")),
        TaskState.of(row.getString("task_state")),
        row.getInt("attempts"),
        row.getInt("max_attempts"),
        Rows.json(row, "result"),
        Rows.json(row, "error"),
        Rows.instant(row, "next_run_at"),
        Rows.instant(row, "started_at"),
        Rows.instant(row, "completed_at"));
  }

  private static final String STANDING = """
      SELECT s.step_id, s.name, s.state, t.state AS task_state, s.handler, q.run_at,
        COALESCE(q.run_at <= tasker.now(), false) AS due,
        EXISTS (
          SELECT 1 FROM tasker.processes p
          WHERE p.lease_until > statement_timestamp() AND s.handler = ANY (p.handlers)) AS handler_alive,
        s.attempts, s.crashes, s.max_attempts, s.started_at,
        h.dead_at IS NOT NULL OR h.lease_until < statement_timestamp() AS holder_is_silent,
        'process ' || h.pid || ' on ' || h.host AS holder,
        ARRAY(
          SELECT o.name || ' (' || o.state || ')'
          FROM unnest(s.parents) AS u(ordinal)
          JOIN tasker.workflow_steps o ON o.task_id = s.task_id AND o.step_id = tasker.step_id(s.task_id, u.ordinal)
          WHERE NOT tasker.is_satisfied(o.state)
          ORDER BY o.step_id) AS open_parents
      FROM tasker.tasks t
      JOIN tasker.workflow_steps s ON s.task_id = t.task_id
      LEFT JOIN tasker.step_queue q ON q.task_id = s.task_id AND q.step_id = s.step_id
      LEFT JOIN tasker.processes h ON h.process_id = s.process_id
      """;

  /** All steps of a task, in their order: parents come before their children. */
  public List<Vertex> graph(Connection connection, long taskId) throws SQLException {
    String sql = Sql.of("""
        SELECT step_id, name, state, parents,
          CASE WHEN state = {error} THEN COALESCE(error ->> 'error_code', error ->> 'message', '') END AS failure
        FROM tasker.workflow_steps
        WHERE task_id = ?
        ORDER BY step_id""");
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      statement.setLong(1, taskId);
      try (ResultSet row = statement.executeQuery()) {
        List<Vertex> graph = new ArrayList<>();
        while (row.next()) {
          graph.add(new Vertex(
              ClaimedStep.ordinalOf(row.getLong("step_id")), row.getString("name"), StepState.of(row.getString("state")),
              Rows.ordinals(row, "parents"), row.getString("failure")));
        }
        return graph;
      }
    }
  }

  /** The status of every step that is pending or active. */
  public List<StepStatus> stepStatuses(Connection connection, long taskId) throws SQLException {
    String sql = STANDING + Sql.of("""
        WHERE t.task_id = ? AND (s.state = {pending} OR tasker.is_active(s.state))
        ORDER BY s.step_id""");
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      statement.setLong(1, taskId);
      return stepStatuses(statement);
    }
  }

  /** The status of one step, whatever its state. */
  public Optional<StepStatus> stepStatus(Connection connection, long stepId) throws SQLException {
    String sql = STANDING + "WHERE t.task_id = ? AND s.step_id = ?";
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      statement.setLong(1, ClaimedStep.taskIdOf(stepId));
      statement.setLong(2, stepId);
      return stepStatuses(statement).stream().findFirst();
    }
  }

  private static List<StepStatus> stepStatuses(PreparedStatement statement) throws SQLException {
    try (ResultSet row = statement.executeQuery()) {
      List<StepStatus> statuses = new ArrayList<>();
      while (row.next()) {
        statuses.add(new StepStatus(
            row.getLong("step_id"),
            row.getString("name"),
            StepState.of(row.getString("state")),
            TaskState.of(row.getString("task_state")),
            row.getString("handler"),
            Rows.instant(row, "run_at"),
            row.getBoolean("due"),
            row.getBoolean("handler_alive"),
            row.getInt("attempts"),
            row.getInt("crashes"),
            row.getInt("max_attempts"),
            Rows.instant(row, "started_at"),
            row.getString("holder"),
            row.getBoolean("holder_is_silent"),
            Rows.texts(row, "open_parents")));
      }
      return statuses;
    }
  }

  /** By tasks_by_name, tasks_unfinished or the primary key, whichever the given conditions lean on. */
  public List<TaskRow> list(Connection connection, Filter filter) throws SQLException {
    List<String> conditions = new ArrayList<>();
    List<Object> values = new ArrayList<>();
    add(conditions, values, "t.namespace = ?", filter.namespace());
    add(conditions, values, "t.name = ?", filter.name());
    if (filter.state() != null) {
      // Written out as a literal: only then the planner sees that tasks_unfinished serves.
      conditions.add("t.state = '" + filter.state().value() + "'");
    }
    add(conditions, values, "? = ANY (t.tags)", filter.tag());
    add(conditions, values, "t.created_at >= ?::timestamptz", text(filter.createdAfter()));
    add(conditions, values, "t.created_at < ?::timestamptz", text(filter.createdBefore()));
    add(conditions, values, "t.task_id < ?", filter.belowTaskId());
    String where = conditions.isEmpty() ? "" : "WHERE " + String.join(" AND ", conditions);
    String sql = Format.text("""
        SELECT %s
        FROM tasker.tasks t
        JOIN tasker.templates v ON v.template_id = t.template_id
        %s
        ORDER BY t.task_id DESC
        LIMIT ?""", TASK_COLUMNS, where);
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      int p = 0;
      for (Object value : values) {
        statement.setObject(++p, value);
      }
      statement.setInt(++p, filter.limit());
      try (ResultSet row = statement.executeQuery()) {
        List<TaskRow> tasks = new ArrayList<>();
        while (row.next()) {
          tasks.add(taskRow(row));
        }
        return tasks;
      }
    }
  }

  private static void add(List<String> conditions, List<Object> values, String condition, Object value) {
    if (value != null) {
      conditions.add(condition);
      values.add(value);
    }
  }

  private static String text(Instant instant) {
    return instant == null ? null : instant.toString();
  }

  private static TaskRow taskRow(ResultSet row) throws SQLException {
    return new TaskRow(
        row.getLong("task_id"),
        row.getString("namespace"),
        row.getString("name"),
        row.getString("version"),
        TaskState.of(row.getString("state")),
        row.getInt("priority"),
        Rows.texts(row, "tags"),
        row.getString("correlation_id"),
        row.getString("idempotency_key"),
        row.getString("initiator"),
        row.getString("reason"),
        Rows.instant(row, "created_at"),
        Rows.instant(row, "completed_at"));
  }

  private static StepCounts counts(ResultSet row) throws SQLException {
    return new StepCounts(
        row.getInt("total_steps"),
        row.getInt("pending_steps"),
        row.getInt("enqueued_steps"),
        row.getInt("in_progress_steps"),
        row.getInt("waiting_steps"),
        row.getInt("completed_steps"),
        row.getInt("failed_steps"),
        row.getInt("cancelled_steps"));
  }
}
