package io.taskercore.engine;

import io.taskercore.engine.TaskView.StepView;
import io.taskercore.engine.TransitionModel.Step;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What the tables hold of some tasks, in the words of {@link TaskView}. */
final class TransitionRows {

  private final Connection connection;

  TransitionRows(Connection connection) {
    this.connection = connection;
  }

  /** The model of a task that has just been created. */
  TransitionModel created(long taskId) {
    String sql = """
        SELECT s.step_id, s.name, s.parents, s.children, s.max_attempts, s.max_crashes, t.fail_fast
        FROM tasker.workflow_steps s
        JOIN tasker.tasks t ON t.task_id = s.task_id
        WHERE s.task_id = ?
        ORDER BY s.step_id""";
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      statement.setLong(1, taskId);
      try (ResultSet row = statement.executeQuery()) {
        List<Step> steps = new ArrayList<>();
        boolean failFast = false;
        while (row.next()) {
          failFast = row.getBoolean("fail_fast");
          steps.add(new Step(row.getLong("step_id"), row.getString("name"), ordinals(row, "parents"), ordinals(row, "children"),
              row.getInt("max_attempts"), row.getInt("max_crashes")));
        }
        return new TransitionModel(taskId, failFast, steps);
      }
    } catch (SQLException failure) {
      throw new IllegalStateException(failure);
    }
  }

  private static List<Integer> ordinals(ResultSet row, String column) throws SQLException {
    return Arrays.stream((Short[]) row.getArray(column).getArray()).map(Short::intValue).toList();
  }

  /** All of the tasks that there are, by id. */
  Map<Long, TaskView> read(Collection<Long> taskIds) {
    try {
      Map<Long, Map<Long, List<String>>> logs = logs(taskIds);
      return tasks(taskIds, logs, steps(taskIds, logs));
    } catch (SQLException failure) {
      throw new IllegalStateException(failure);
    }
  }

  /** By task and step, the task's own under 0. */
  private Map<Long, Map<Long, List<String>>> logs(Collection<Long> taskIds) throws SQLException {
    String sql = """
        SELECT task_id, COALESCE(step_id, 0) AS step_id, from_state, to_state, attempt, reason
        FROM tasker.transitions
        WHERE task_id = ANY (?)
        ORDER BY task_id, transition_id""";
    Map<Long, Map<Long, List<String>>> logs = new HashMap<>();
    try (PreparedStatement statement = prepared(sql, taskIds); ResultSet row = statement.executeQuery()) {
      while (row.next()) {
        logs.computeIfAbsent(row.getLong("task_id"), id -> new HashMap<>())
            .computeIfAbsent(row.getLong("step_id"), id -> new ArrayList<>())
            .add(TaskView.entry(
                row.getString("from_state"), row.getString("to_state"), row.getObject("attempt", Integer.class),
                row.getString("reason")));
      }
    }
    return logs;
  }

  private Map<Long, List<StepView>> steps(Collection<Long> taskIds, Map<Long, Map<Long, List<String>>> logs)
      throws SQLException {
    String sql = """
        SELECT s.*, s.result->>'n' AS result_mark, COALESCE(s.error->>'n', s.error->>'error_code') AS error_mark,
          q.state || CASE WHEN q.apart THEN ', apart' ELSE '' END || CASE WHEN q.last_chance THEN ', last chance' ELSE '' END
            || CASE WHEN (q.handler, q.priority, q.namespace) IS DISTINCT FROM (s.handler, t.priority, t.namespace)
                      OR (q.state = 'waiting_for_retry' AND q.run_at IS DISTINCT FROM s.next_run_at)
                    THEN ', unlike its step' ELSE '' END AS queued
        FROM tasker.tasks t
        JOIN tasker.workflow_steps s ON s.task_id = t.task_id
        LEFT JOIN tasker.step_queue q ON q.task_id = s.task_id AND q.step_id = s.step_id
        WHERE t.task_id = ANY (?)
        ORDER BY s.step_id""";
    Map<Long, List<StepView>> steps = new HashMap<>();
    try (PreparedStatement statement = prepared(sql, taskIds); ResultSet row = statement.executeQuery()) {
      while (row.next()) {
        long taskId = row.getLong("task_id");
        long holder = row.getLong("process_id");
        boolean held = !row.wasNull();
        steps.computeIfAbsent(taskId, id -> new ArrayList<>()).add(new StepView(
            row.getString("name"), row.getString("state"), row.getInt("waiting_on"), row.getInt("attempts"),
            row.getInt("max_attempts"), row.getInt("crashes"), row.getInt("max_crashes"), row.getLong("fence"),
            held ? holder : null, row.getString("result_mark"), row.getString("error_mark"),
            row.getObject("completed_at") != null, row.getObject("next_run_at") != null, row.getString("queued"),
            logs.getOrDefault(taskId, Map.of()).getOrDefault(row.getLong("step_id"), List.of())));
      }
    }
    return steps;
  }

  private Map<Long, TaskView> tasks(
      Collection<Long> taskIds, Map<Long, Map<Long, List<String>>> logs, Map<Long, List<StepView>> steps)
      throws SQLException {
    String sql = """
        SELECT task_id, state, active_steps, failed_steps, failing, completed_at
        FROM tasker.tasks
        WHERE task_id = ANY (?)
        ORDER BY task_id""";
    Map<Long, TaskView> tasks = new LinkedHashMap<>();
    try (PreparedStatement statement = prepared(sql, taskIds); ResultSet row = statement.executeQuery()) {
      while (row.next()) {
        long taskId = row.getLong("task_id");
        tasks.put(taskId, new TaskView(
            row.getString("state"), row.getInt("active_steps"), row.getInt("failed_steps"), row.getBoolean("failing"),
            row.getObject("completed_at") != null, logs.getOrDefault(taskId, Map.of()).getOrDefault(0L, List.of()),
            steps.get(taskId)));
      }
    }
    return tasks;
  }

  private PreparedStatement prepared(String sql, Collection<Long> taskIds) throws SQLException {
    PreparedStatement statement = connection.prepareStatement(sql);
    statement.setArray(1, connection.createArrayOf("bigint", taskIds.toArray()));
    return statement;
  }
}
