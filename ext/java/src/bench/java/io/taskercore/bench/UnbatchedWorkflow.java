package io.taskercore.bench;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;

/**
 * The durable work of one task of four steps in sequence, as a program written by hand does it on one connection and without
 * batches: it commits each change before it begins the next, and each is one prepared statement in autocommit.
 *
 * <p>These are 14 commits:
 *
 * <ol>
 *   <li>the task is inserted with its payload;
 *   <li>the log tells of its creation;
 *   <li>its four steps are inserted, all by one statement;
 *   <li>the log tells of their creation, by one statement of four rows;
 *   <li>the task is {@code in_progress}, with a row in the log;
 *   <li>from here to the 13th, for each of the four steps: it is {@code in_progress}, with a row in the log; it is {@code complete}
 *       with its result, with a row in the log;
 *   <li value="14">the task is {@code complete}, with a row in the log.
 * </ol>
 *
 * <p>An update and its row in the log are one statement, because a crash between two would leave a log that is wrong. The two creations
 * are logged by statements of their own, as by a program that has one method to insert and one to log; were they folded into the
 * inserts, it would be 12 commits. Nothing is read, claimed, locked, fenced or queued, and no step knows its parents.
 */
final class UnbatchedWorkflow implements AutoCloseable {

  private static final String PAYLOAD = "{\"order\": 1}";

  private final Connection connection;
  private final PreparedStatement insertTask;
  private final PreparedStatement logTaskCreated;
  private final PreparedStatement insertSteps;
  private final PreparedStatement logStepsCreated;
  private final PreparedStatement beginTask;
  private final PreparedStatement beginStep;
  private final PreparedStatement completeStep;
  private final PreparedStatement completeTask;

  /** Takes over the connection: it is in autocommit from now on, and is closed with this. */
  UnbatchedWorkflow(Connection connection) throws SQLException {
    this.connection = connection;
    connection.setAutoCommit(true);
    insertTask = connection.prepareStatement("""
        INSERT INTO floor.tasks (task_id, name, state, context, updated_at) VALUES (?, 'linear', 'pending', ?::jsonb, now())""");
    logTaskCreated = connection.prepareStatement("""
        INSERT INTO floor.transitions (kind, subject_id, to_state, at) VALUES ('task', ?, 'pending', now())""");
    insertSteps = connection.prepareStatement("""
        INSERT INTO floor.workflow_steps (step_id, task_id, name, state, attempts, updated_at)
        SELECT s.id, s.id / 16, 'step', 'pending', 0, now() FROM (VALUES (?), (?), (?), (?)) AS s(id)""");
    logStepsCreated = connection.prepareStatement("""
        INSERT INTO floor.transitions (kind, subject_id, to_state, at)
        SELECT 'step', s.id, 'pending', now() FROM (VALUES (?), (?), (?), (?)) AS s(id)""");
    beginTask = connection.prepareStatement("""
        WITH changed AS (
          UPDATE floor.tasks SET state = 'in_progress', updated_at = now() WHERE task_id = ? RETURNING task_id)
        INSERT INTO floor.transitions (kind, subject_id, from_state, to_state, at)
        SELECT 'task', task_id, 'pending', 'in_progress', now() FROM changed""");
    beginStep = connection.prepareStatement("""
        WITH changed AS (
          UPDATE floor.workflow_steps SET state = 'in_progress', attempts = attempts + 1, updated_at = now()
          WHERE step_id = ? RETURNING step_id)
        INSERT INTO floor.transitions (kind, subject_id, from_state, to_state, at)
        SELECT 'step', step_id, 'pending', 'in_progress', now() FROM changed""");
    completeStep = connection.prepareStatement("""
        WITH changed AS (
          UPDATE floor.workflow_steps SET state = 'complete', result = ?::jsonb, updated_at = now()
          WHERE step_id = ? RETURNING step_id)
        INSERT INTO floor.transitions (kind, subject_id, from_state, to_state, at)
        SELECT 'step', step_id, 'in_progress', 'complete', now() FROM changed""");
    completeTask = connection.prepareStatement("""
        WITH changed AS (
          UPDATE floor.tasks SET state = 'complete', updated_at = now() WHERE task_id = ? RETURNING task_id)
        INSERT INTO floor.transitions (kind, subject_id, from_state, to_state, at)
        SELECT 'task', task_id, 'in_progress', 'complete', now() FROM changed""");
  }

  /** From nothing to complete; the id must be new. */
  void run(long task) throws SQLException {
    commit(insertTask, task, PAYLOAD);
    commit(logTaskCreated, task);
    long first = task * 16;
    commit(insertSteps, first, first + 1, first + 2, first + 3);
    commit(logStepsCreated, first, first + 1, first + 2, first + 3);
    commit(beginTask, task);
    for (long step = first; step < first + Floor.STEPS; step++) {
      commit(beginStep, step);
      commit(completeStep, Floor.RESULT, step);
    }
    commit(completeTask, task);
  }

  private static void commit(PreparedStatement statement, Object... values) throws SQLException {
    for (int i = 0; i < values.length; i++) {
      statement.setObject(i + 1, values[i]);
    }
    if (statement.executeUpdate() == 0) {
      throw new IllegalStateException("nothing was written by " + statement);
    }
  }

  @Override
  public void close() throws SQLException {
    connection.close();
  }
}
