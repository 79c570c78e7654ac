package io.taskercore.store;

import io.taskercore.model.Format;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.Collection;
import java.util.HashSet;
import java.util.Set;

/** Finds which rows somebody else keeps locked, and who does. */
public final class RowLocks {

  /** The rows that the outcomes of some steps change: the steps' own rows, and their children's. */
  private static final String TOUCHED = """
      WITH outcome AS MATERIALIZED (
        SELECT s.task_id, s.step_id, s.children
        FROM unnest(?::bigint[]) AS o(step_id)
        JOIN tasker.workflow_steps s ON s.task_id = tasker.task_of(o.step_id) AND s.step_id = o.step_id
      ), touched AS MATERIALIZED (
        SELECT o.task_id, o.step_id FROM outcome o
        UNION
        SELECT o.task_id, tasker.step_id(o.task_id, c.ordinal) FROM outcome o CROSS JOIN LATERAL unnest(o.children) AS c(ordinal)
      ), task AS MATERIALIZED (
        SELECT DISTINCT task_id FROM outcome
      )
      """;

  /** Those of the steps' tasks in which somebody else has locked a row that the outcomes change. Waits for nobody. */
  public Set<Long> lockedTasks(Connection connection, Collection<Long> stepIds) throws SQLException {
    String sql = TOUCHED + """
        , free_task AS MATERIALIZED (
          SELECT f.task_id
          FROM task k
          CROSS JOIN LATERAL (
            SELECT t.task_id FROM tasker.tasks t WHERE t.task_id = k.task_id FOR NO KEY UPDATE SKIP LOCKED OFFSET 0) f
        ), free_step AS MATERIALIZED (
          SELECT f.step_id
          FROM touched o
          CROSS JOIN LATERAL (
            SELECT s.step_id FROM tasker.workflow_steps s WHERE s.task_id = o.task_id AND s.step_id = o.step_id
            FOR NO KEY UPDATE SKIP LOCKED OFFSET 0) f
        )
        SELECT k.task_id FROM task k WHERE NOT EXISTS (SELECT 1 FROM free_task f WHERE f.task_id = k.task_id)
        UNION
        SELECT o.task_id FROM touched o WHERE NOT EXISTS (SELECT 1 FROM free_step f WHERE f.step_id = o.step_id)""";
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      statement.setArray(1, Rows.bigints(connection, stepIds));
      try (ResultSet row = statement.executeQuery()) {
        Set<Long> locked = new HashSet<>();
        while (row.next()) {
          locked.add(row.getLong(1));
        }
        return locked;
      }
    }
  }

  /**
   * Says in words who keeps a row locked that the outcomes of these steps change, and how to end that. A lock marks its row with the
   * number of its transaction.
   *
   * @return null if nobody does any more, or if several do together: PostgreSQL keeps their marks elsewhere
   */
  public String holder(Connection connection, Collection<Long> stepIds) throws SQLException {
    String sql = TOUCHED + """
        , mark AS MATERIALIZED (
          SELECT t.xmax AS xid FROM task k JOIN tasker.tasks t ON t.task_id = k.task_id
          UNION
          SELECT s.xmax FROM touched o JOIN tasker.workflow_steps s ON s.task_id = o.task_id AND s.step_id = o.step_id
        )
        SELECT NULL AS gid, l.pid, a.usename, a.application_name, a.state,
          round(extract(epoch FROM clock_timestamp() - a.xact_start)) AS seconds
        FROM mark m
        JOIN pg_catalog.pg_locks l ON l.locktype = 'transactionid' AND l.granted AND l.transactionid = m.xid
        LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
        WHERE l.pid <> pg_catalog.pg_backend_pid()
        UNION ALL
        SELECT p.gid, NULL, p.owner, NULL, NULL, round(extract(epoch FROM clock_timestamp() - p.prepared))
        FROM mark m
        JOIN pg_catalog.pg_prepared_xacts p ON p.transaction = m.xid
        LIMIT 1""";
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      statement.setArray(1, Rows.bigints(connection, stepIds));
      try (ResultSet row = statement.executeQuery()) {
        return row.next() ? holder(row) : null;
      }
    }
  }

  private static String holder(ResultSet row) throws SQLException {
    String gid = row.getString("gid");
    if (gid != null) {
      return Format.text(
          "the prepared transaction \"%s\" of %s, since %d s; end it with COMMIT PREPARED or ROLLBACK PREPARED",
          gid, row.getString("usename"), row.getLong("seconds"));
    }
    String application = row.getString("application_name");
    String state = row.getString("state");
    return Format.text(
        "the session with process id %d of %s%s%s; its transaction began %d s ago; pg_terminate_backend(%d) ends it",
        row.getLong("pid"), row.getString("usename"), application == null || application.isEmpty() ? "" : " (" + application + ")",
        state == null ? "" : ", " + state, row.getLong("seconds"), row.getLong("pid"));
  }
}
