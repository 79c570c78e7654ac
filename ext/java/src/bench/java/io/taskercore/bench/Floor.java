package io.taskercore.bench;

import java.sql.Array;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import javax.sql.DataSource;
import org.postgresql.ds.PGSimpleDataSource;

/**
 * What PostgreSQL must do at the least for durable workflows of four steps, written by hand in JDBC: no queue, no dependencies, no
 * fences, nobody to coordinate with. The engine's figures stand beside this.
 */
public final class Floor implements AutoCloseable {

  private static final int CONNECTIONS = 8;
  static final int STEPS = 4;
  private static final int BATCH = 100;

  static final String RESULT =
      "{\"charge_id\": \"ch_000000000000000001\", \"amount_cents\": 18930, \"currency\": \"GBP\", \"reservation\": \"RSV-1\"}";

  private final DataSource dataSource;
  private final ExecutorService threads = Executors.newFixedThreadPool(CONNECTIONS);
  private final List<Connection> connections = new ArrayList<>();
  private final UnbatchedWorkflow workflow;
  private long nextTask = 1;

  public Floor(String jdbcUrl) throws SQLException {
    PGSimpleDataSource driver = new PGSimpleDataSource();
    driver.setURL(jdbcUrl);
    dataSource = driver;
    for (int i = 0; i < CONNECTIONS; i++) {
      Connection connection = dataSource.getConnection();
      connection.setAutoCommit(false);
      connections.add(connection);
    }
    try (Statement statement = connections.get(0).createStatement()) {
      statement.execute("""
          CREATE SCHEMA IF NOT EXISTS floor;
          CREATE TABLE IF NOT EXISTS floor.tasks (
            task_id bigint PRIMARY KEY, name text, state text, context jsonb, updated_at timestamptz);
          CREATE TABLE IF NOT EXISTS floor.workflow_steps (
            step_id bigint PRIMARY KEY, task_id bigint, name text, state text, attempts int, result jsonb,
            updated_at timestamptz);
          CREATE INDEX IF NOT EXISTS workflow_steps_task ON floor.workflow_steps (task_id);
          CREATE TABLE IF NOT EXISTS floor.transitions (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, kind text, subject_id bigint, from_state text, to_state text,
            at timestamptz)""");
      connections.get(0).commit();
    }
    workflow = new UnbatchedWorkflow(dataSource.getConnection());
  }

  /** Inserts tasks and their steps; returns the seconds it took. */
  public double create(int tasks, String payload) throws Exception {
    long first = nextTask;
    nextTask += tasks;
    return inParallel(tasks, (connection, from, to) -> insert(connection, first + from, first + to, payload));
  }

  /** Takes the tasks created last through their steps; returns the seconds it took. */
  public double run(int tasks) throws Exception {
    long first = nextTask - tasks;
    return inParallel(tasks, (connection, from, to) -> work(connection, first + from, first + to));
  }

  /** So many commits of one small row each, one after the other on one connection; returns the seconds of each. */
  public double[] commits(int count) throws SQLException {
    double[] seconds = new double[count];
    try (Connection connection = dataSource.getConnection();
        PreparedStatement statement = connection.prepareStatement(
            "INSERT INTO floor.transitions (kind, subject_id, from_state, to_state, at) VALUES ('step', 1, 'a', 'b', now())")) {
      for (int i = 0; i < count; i++) {
        long begin = System.nanoTime();
        statement.executeUpdate();
        seconds[i] = (System.nanoTime() - begin) / 1e9;
      }
    }
    return seconds;
  }

  /**
   * So many whole workflows of four steps in 14 commits each, which {@link UnbatchedWorkflow} tells one by one, one after the other on
   * one connection; returns the seconds of each.
   */
  public double[] workflows(int count) throws SQLException {
    double[] seconds = new double[count];
    for (int i = 0; i < count; i++) {
      long begin = System.nanoTime();
      workflow.run(nextTask++);
      seconds[i] = (System.nanoTime() - begin) / 1e9;
    }
    return seconds;
  }

  private interface Work {
    void on(Connection connection, long from, long to) throws SQLException;
  }

  private double inParallel(int tasks, Work work) throws Exception {
    int share = (tasks + CONNECTIONS - 1) / CONNECTIONS;
    List<Callable<Void>> parts = new ArrayList<>();
    for (int i = 0; i < CONNECTIONS; i++) {
      Connection connection = connections.get(i);
      long from = Math.min(tasks, (long) i * share);
      long to = Math.min(tasks, from + share);
      parts.add(() -> {
        for (long at = from; at < to; at += BATCH / STEPS) {
          work.on(connection, at, Math.min(to, at + BATCH / STEPS));
        }
        return null;
      });
    }
    long begin = System.nanoTime();
    for (Future<Void> part : threads.invokeAll(parts)) {
      part.get();
    }
    return (System.nanoTime() - begin) / 1e9;
  }

  private static void insert(Connection connection, long from, long to, String payload) throws SQLException {
    execute(connection, """
        INSERT INTO floor.tasks (task_id, name, state, context, updated_at)
        SELECT id, 'linear', 'pending', ?::jsonb, now() FROM unnest(?::bigint[]) AS t(id)""",
        payload, ids(connection, from, to));
    execute(connection, """
        INSERT INTO floor.workflow_steps (step_id, task_id, name, state, attempts, updated_at)
        SELECT id, id / 16, 'step', 'pending', 0, now() FROM unnest(?::bigint[]) AS t(id)""",
        steps(connection, from, to));
    connection.commit();
  }

  private static void work(Connection connection, long from, long to) throws SQLException {
    Array steps = steps(connection, from, to);
    execute(connection, """
        UPDATE floor.workflow_steps s SET state = 'in_progress', attempts = attempts + 1, updated_at = now()
        FROM unnest(?::bigint[]) AS t(id) WHERE s.step_id = t.id""", steps);
    execute(connection, LOG.formatted("step", "pending", "in_progress"), steps);
    execute(connection, """
        UPDATE floor.workflow_steps s SET state = 'complete', result = ?::jsonb, updated_at = now()
        FROM unnest(?::bigint[]) AS t(id) WHERE s.step_id = t.id""", RESULT, steps);
    execute(connection, LOG.formatted("step", "in_progress", "complete"), steps);
    Array tasks = ids(connection, from, to);
    execute(connection, """
        UPDATE floor.tasks s SET state = 'complete', updated_at = now()
        FROM unnest(?::bigint[]) AS t(id) WHERE s.task_id = t.id""", tasks);
    execute(connection, LOG.formatted("task", "pending", "complete"), tasks);
    connection.commit();
  }

  private static final String LOG = """
      INSERT INTO floor.transitions (kind, subject_id, from_state, to_state, at)
      SELECT '%s', id, '%s', '%s', now() FROM unnest(?::bigint[]) AS t(id)""";

  private static void execute(Connection connection, String sql, Object... values) throws SQLException {
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      for (int i = 0; i < values.length; i++) {
        statement.setObject(i + 1, values[i]);
      }
      statement.executeUpdate();
    }
  }

  private static Array ids(Connection connection, long from, long to) throws SQLException {
    Long[] ids = new Long[(int) (to - from)];
    for (int i = 0; i < ids.length; i++) {
      ids[i] = from + i;
    }
    return connection.createArrayOf("bigint", ids);
  }

  private static Array steps(Connection connection, long from, long to) throws SQLException {
    Long[] ids = new Long[(int) (to - from) * STEPS];
    for (int i = 0; i < ids.length; i++) {
      ids[i] = (from + i / STEPS) * 16 + i % STEPS;
    }
    return connection.createArrayOf("bigint", ids);
  }

  @Override
  public void close() throws SQLException {
    threads.shutdown();
    workflow.close();
    for (Connection connection : connections) {
      connection.close();
    }
  }
}
