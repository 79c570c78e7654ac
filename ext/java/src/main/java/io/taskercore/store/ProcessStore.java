package io.taskercore.store;

import io.taskercore.model.ClaimedStep;
import io.taskercore.model.ClaimedStep.Claim;
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

/** The processes that hold claims, and their leases. Leases run in real time, so that a test that moves its clock kills nobody. */
public final class ProcessStore {

  /**
   * A claim of a process that is gone.
   *
   * @param inOrder whether the process has ended in order, which is no crash
   * @param begun whether the process had begun all that it held
   * @param nameless whether the process has no row at all; it may be alive, and its row lost
   */
  public record Orphan(ClaimedStep step, long processId, boolean inOrder, boolean begun, boolean nameless) {
    public long taskId() {
      return step.taskId();
    }
  }

  /**
   * What a renewal found.
   *
   * @param alive whether the process has its row, and is not taken for dead
   * @param late whether less than a third of the lease was left, or none, by the server's clock
   * @param othersLapsed whether leases of other processes have lapsed
   * @param lost which of its claims are no longer its own
   * @param failing ids of tasks that have failed fast
   * @param serverPid the server's process that has answered; null if this process is not alive
   */
  public record Renewal(boolean alive, boolean late, boolean othersLapsed, Set<Claim> lost, Set<Long> failing, Integer serverPid) {}

  /**
   * A renewal that is lost with the server is simply made again, so it need not wait for the disk, or for a standby: a process lives on
   * while its standby acknowledges nothing. It is set for the transaction alone, because behind a pooler others use the session next.
   */
  private static final String NOT_DURABLE = "set_config('synchronous_commit', 'off', true)";

  /**
   * What a process tells others about itself.
   *
   * @param handlers the names of the handlers that it can run
   * @param places how many handlers each of its coordinators runs at once, at least
   */
  public record Abilities(Collection<String> handlers, int places) {}

  /** @return false if the process has a row already */
  public boolean register(Connection connection, long processId, String host, long pid, long leaseMs, Abilities abilities)
      throws SQLException {
    String sql = """
        INSERT INTO tasker.processes (process_id, host, pid, lease_until, lease_ms, handlers, places, lists_tasks)
        OVERRIDING SYSTEM VALUE
        VALUES (?, ?, ?, statement_timestamp() + ? * interval '1 millisecond', ?, ?, ?, true)
        ON CONFLICT DO NOTHING
        RETURNING\s""" + NOT_DURABLE;
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      statement.setLong(1, processId);
      statement.setString(2, host);
      statement.setLong(3, pid);
      statement.setLong(4, leaseMs);
      statement.setLong(5, leaseMs);
      statement.setArray(6, Rows.texts(connection, abilities.handlers()));
      statement.setInt(7, abilities.places());
      try (ResultSet row = statement.executeQuery()) {
        return row.next();
      }
    }
  }

  /**
   * Extends the lease over all claims of the process, publishes what the process can do, and finds the claims that it has lost: those
   * whose steps were cancelled, ended or taken over meanwhile.
   *
   * @param list the tasks that it holds; null: what was written before stays as it is
   * @param mayFailFast ids of tasks under {@code fail_fast}; the answer tells which of them have failed
   */
  public Renewal renew(
      Connection connection,
      long processId,
      long leaseMs,
      Abilities abilities,
      TaskList list,
      List<ClaimedStep> held,
      Collection<Long> mayFailFast)
      throws SQLException {
    String sql = Sql.of("""
        WITH renewed AS (
          UPDATE tasker.processes
          SET lease_until = statement_timestamp() + ? * interval '1 millisecond', handlers = ?, places = ?
          WHERE process_id = ? AND dead_at IS NULL
          RETURNING process_id, %s AS durability
        ), replaced AS (
          DELETE FROM tasker.process_tasks l
          USING renewed r
          WHERE l.process_id = r.process_id AND l.jump = ANY (?)
        ), listed AS (
          INSERT INTO tasker.process_tasks (process_id, jump, task_ids)
          SELECT r.process_id, ?, ?
          FROM renewed r
          WHERE ?
        )
        SELECT
          NULL::bigint AS step_id, NULL::bigint AS fence, NULL::bigint AS failing,
          p.lease_until < statement_timestamp() + ? * interval '1 millisecond' AS late,
          EXISTS (
            SELECT 1 FROM tasker.processes o
            WHERE o.process_id <> p.process_id AND o.lease_until < statement_timestamp() AND o.dead_at IS NULL) AS others_lapsed,
          pg_backend_pid() AS server_pid
        FROM renewed JOIN tasker.processes p USING (process_id) -- as it was before
        UNION ALL
        SELECT NULL, NULL, t.task_id, NULL, NULL, NULL FROM tasker.tasks t WHERE t.task_id = ANY (?) AND t.failing
        UNION ALL
        SELECT held.step_id, held.fence, NULL, NULL, NULL, NULL
        FROM unnest(?::bigint[], ?::bigint[]) AS held(step_id, fence)
        LEFT JOIN tasker.workflow_steps s
          ON s.task_id = tasker.task_of(held.step_id) AND s.step_id = held.step_id
         AND s.fence = held.fence AND s.state = {in_progress}
        WHERE s.step_id IS NULL""").replace("%s", NOT_DURABLE);
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      int p = 0;
      statement.setLong(++p, leaseMs);
      statement.setArray(++p, Rows.texts(connection, abilities.handlers()));
      statement.setInt(++p, abilities.places());
      statement.setLong(++p, processId);
      statement.setArray(++p, Rows.bigints(connection, list == null ? List.of() : list.replaced()));
      statement.setLong(++p, list == null ? 0 : list.jump());
      statement.setArray(++p, Rows.bigints(connection, list == null ? List.of() : list.taskIds()));
      statement.setBoolean(++p, list != null && !list.taskIds().isEmpty());
      statement.setLong(++p, leaseMs / 3);
      statement.setArray(++p, Rows.bigints(connection, mayFailFast));
      statement.setArray(++p, Rows.column(connection, "bigint", held, ClaimedStep::stepId));
      statement.setArray(++p, Rows.column(connection, "bigint", held, ClaimedStep::fence));
      try (ResultSet row = statement.executeQuery()) {
        boolean alive = false;
        boolean late = false;
        boolean othersLapsed = false;
        Integer serverPid = null;
        Set<Claim> lost = new HashSet<>();
        Set<Long> failing = new HashSet<>();
        while (row.next()) {
          Long stepId = Rows.longOrNull(row, "step_id");
          Long failed = Rows.longOrNull(row, "failing");
          if (failed != null) {
            failing.add(failed);
          } else if (stepId == null) {
            alive = true;
            late = row.getBoolean("late");
            othersLapsed = row.getBoolean("others_lapsed");
            serverPid = row.getInt("server_pid");
          } else {
            lost.add(new Claim(stepId, row.getLong("fence")));
          }
        }
        return new Renewal(alive, late, othersLapsed, lost, failing, serverPid);
      }
    }
  }

  /**
   * A process whose lease does not say that it is alive.
   *
   * @param leaseUntil as the database has it; each renewal writes another time
   * @param inOrder whether the process has ended in order
   * @param ahead whether the lease ends later than any that is written now
   */
  public record Lapse(long processId, Instant leaseUntil, boolean inOrder, boolean ahead) {}

  /**
   * Processes whose lease has lapsed, or ends so late that the server's clock must have gone back since.
   *
   * <p>There are none until the server itself has been up for a lease: leases that lapsed while it was away say nothing about their
   * processes. There are none either if the asking process's own lease has lapsed: a machine that stood still stopped all processes on
   * it.
   *
   * @param asking the process that asks
   */
  public List<Lapse> lapsed(Connection connection, long asking, long leaseMs) throws SQLException {
    String sql = """
        SELECT process_id, lease_until, left_in_order, lease_until >= statement_timestamp() AS ahead
        FROM tasker.processes
        WHERE dead_at IS NULL AND process_id <> ?
          AND (lease_until < statement_timestamp() OR lease_until > statement_timestamp() + (lease_ms + 1000) * interval '1 millisecond')
          AND statement_timestamp() > pg_postmaster_start_time() + ? * interval '1 millisecond'
          AND EXISTS (SELECT 1 FROM tasker.processes me WHERE me.process_id = ? AND me.lease_until > statement_timestamp())
        ORDER BY process_id""";
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      statement.setLong(1, asking);
      statement.setLong(2, leaseMs);
      statement.setLong(3, asking);
      try (ResultSet row = statement.executeQuery()) {
        List<Lapse> lapses = new ArrayList<>();
        while (row.next()) {
          lapses.add(new Lapse(
              row.getLong("process_id"), Rows.instant(row, "lease_until"), row.getBoolean("left_in_order"), row.getBoolean("ahead")));
        }
        return lapses;
      }
    }
  }

  /** The steps in progress of tasks {@code h} whose process is dead or has no row. OFFSET 0: found by the key of each task. */
  private static final String ORPHANED = Sql.of("""
      CROSS JOIN LATERAL (
        SELECT s.* FROM tasker.workflow_steps s WHERE s.task_id = h.task_id AND s.state = {in_progress} OFFSET 0) s
      LEFT JOIN tasker.processes p ON p.process_id = s.process_id
      WHERE p.process_id IS NULL OR p.dead_at IS NOT NULL
      ORDER BY s.step_id""");

  private static final String ORPHAN = """
      SELECT s.*, p.process_id IS NULL AS nameless, COALESCE(p.left_in_order, false) AS in_order,
        p.process_id IS NOT NULL AND NOT p.crowded AND (p.places IS NULL OR p.places >= count(*) OVER (PARTITION BY s.process_id)) AS begun
      """;

  /** Processes that have listed something, each found by one look at process_tasks_key: a living one may have many rows there. */
  private static final String LISTING = """
      WITH RECURSIVE listing AS (
        SELECT min(process_id) AS process_id FROM tasker.process_tasks
        UNION ALL
        SELECT (SELECT min(l.process_id) FROM tasker.process_tasks l WHERE l.process_id > n.process_id)
        FROM listing n
        WHERE n.process_id IS NOT NULL
      )""";

  private static final String ORPHANS_LISTED = LISTING + ORPHAN + """
      FROM (
        SELECT DISTINCT i.task_id
        FROM listing n
        LEFT JOIN tasker.processes o ON o.process_id = n.process_id
        JOIN tasker.process_tasks l ON l.process_id = n.process_id
        CROSS JOIN LATERAL unnest(l.task_ids) AS i(task_id)
        WHERE o.process_id IS NULL OR o.dead_at IS NOT NULL
        UNION
        SELECT i.task_id FROM unnest(?::bigint[]) AS i(task_id)) h
      """ + ORPHANED;

  private static final String ALL_ORPHANS = Sql.of(ORPHAN + """
      FROM (SELECT t.task_id FROM tasker.tasks t WHERE t.state = {in_progress} OR t.task_id = ANY (?)) h
      """) + ORPHANED;

  /**
   * Claims of processes that are dead, or have no row. They are found through process_tasks, at a cost that follows from what the dead
   * have held. If one of the dead was of an older build, which did not write there, all tasks in progress are looked at.
   *
   * @param taskIds further tasks to look at
   */
  public List<Orphan> orphans(Connection connection, Collection<Long> taskIds) throws SQLException {
    String sql = hasUnlistedDead(connection) ? ALL_ORPHANS : ORPHANS_LISTED;
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      statement.setArray(1, Rows.bigints(connection, taskIds));
      try (ResultSet row = statement.executeQuery()) {
        List<Orphan> orphans = new ArrayList<>();
        while (row.next()) {
          orphans.add(new Orphan(
              StepStore.claimedStep(row, "attempts"),
              row.getLong("process_id"),
              row.getBoolean("in_order"),
              row.getBoolean("begun"),
              row.getBoolean("nameless")));
        }
        return orphans;
      }
    }
  }

  private static boolean hasUnlistedDead(Connection connection) throws SQLException {
    String sql = "SELECT EXISTS (SELECT 1 FROM tasker.processes WHERE dead_at IS NOT NULL AND NOT lists_tasks)";
    try (PreparedStatement statement = connection.prepareStatement(sql);
        ResultSet row = statement.executeQuery()) {
      row.next();
      return row.getBoolean(1);
    }
  }

  /**
   * Everything the process holds, as its rows say.
   *
   * @param taskIds where to look as well
   */
  public List<ClaimedStep> heldBy(Connection connection, long processId, Collection<Long> taskIds) throws SQLException {
    String sql = Sql.of("""
        SELECT s.*
        FROM (
          SELECT DISTINCT i.task_id
          FROM tasker.process_tasks l
          CROSS JOIN LATERAL unnest(l.task_ids) AS i(task_id)
          WHERE l.process_id = ?
          UNION
          SELECT i.task_id FROM unnest(?::bigint[]) AS i(task_id)) h
        CROSS JOIN LATERAL (
          SELECT s.* FROM tasker.workflow_steps s
          WHERE s.task_id = h.task_id AND s.state = {in_progress} AND s.process_id = ? OFFSET 0) s""");
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      statement.setLong(1, processId);
      statement.setArray(2, Rows.bigints(connection, taskIds));
      statement.setLong(3, processId);
      try (ResultSet row = statement.executeQuery()) {
        List<ClaimedStep> held = new ArrayList<>();
        while (row.next()) {
          held.add(StepStore.claimedStep(row, "attempts"));
        }
        return held;
      }
    }
  }

  /**
   * Takes processes for dead that have not renewed their leases since they were seen; from then on they cannot renew them. A process
   * whose row somebody else has locked is left to that one, or to a later look.
   *
   * @return how many
   */
  public int bury(Connection connection, List<Lapse> dead) throws SQLException {
    String sql = """
        WITH free AS (
          SELECT p.process_id
          FROM unnest(?::bigint[], ?::timestamptz[]) AS d(process_id, lease_until)
          JOIN tasker.processes p ON p.process_id = d.process_id AND p.lease_until = d.lease_until AND p.dead_at IS NULL
          ORDER BY p.process_id
          FOR UPDATE OF p SKIP LOCKED
        )
        UPDATE tasker.processes p
        SET dead_at = statement_timestamp()
        FROM free f
        WHERE p.process_id = f.process_id""";
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      statement.setArray(1, Rows.column(connection, "bigint", dead, Lapse::processId));
      statement.setArray(2, Rows.column(connection, "timestamptz", dead, lapse -> lapse.leaseUntil().toString()));
      return statement.executeUpdate();
    }
  }

  /** Marks dead processes that held more steps than they can have begun. A later look may find fewer of the steps, and needs the mark. */
  public void markCrowded(Connection connection, Collection<Long> processIds) throws SQLException {
    String sql = """
        WITH free AS (
          SELECT process_id FROM tasker.processes
          WHERE process_id = ANY (?) AND dead_at IS NOT NULL AND NOT crowded
          ORDER BY process_id
          FOR UPDATE SKIP LOCKED
        )
        UPDATE tasker.processes p SET crowded = true FROM free f WHERE p.process_id = f.process_id""";
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      statement.setArray(1, Rows.bigints(connection, processIds));
      statement.executeUpdate();
    }
  }

  /**
   * Forgets processes that have been dead for so long that nothing they had sent can be under way any more, and what is listed for
   * processes that have no row. Those whose row somebody else has locked are left to a later look.
   */
  public void forget(Connection connection, long deadForMs, Collection<Long> stillHolding) throws SQLException {
    String sql = LISTING + """
        , forgotten AS (
          DELETE FROM tasker.processes p
          USING (
            SELECT process_id FROM tasker.processes
            WHERE dead_at < statement_timestamp() - ? * interval '1 millisecond' AND process_id <> ALL (?)
            ORDER BY process_id
            FOR UPDATE SKIP LOCKED) free
          WHERE p.process_id = free.process_id
          RETURNING p.process_id
        )
        DELETE FROM tasker.process_tasks l
        WHERE l.process_id <> ALL (?) AND l.process_id IN (
          SELECT process_id FROM forgotten
          UNION ALL
          SELECT n.process_id FROM listing n
          WHERE NOT EXISTS (SELECT 1 FROM tasker.processes p WHERE p.process_id = n.process_id))""";
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      Array holding = Rows.bigints(connection, stillHolding);
      statement.setLong(1, deadForMs);
      statement.setArray(2, holding);
      statement.setArray(3, holding);
      statement.executeUpdate();
    }
  }

  /** The process ends in order, but cannot give back what it holds: its lease lapses now. */
  public void leave(Connection connection, long processId) throws SQLException {
    String sql = """
        UPDATE tasker.processes SET lease_until = statement_timestamp(), left_in_order = true WHERE process_id = ?
        RETURNING\s""" + NOT_DURABLE;
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      statement.setLong(1, processId);
      statement.execute();
    }
  }

  /** The process ends in order, and holds nothing. */
  public void remove(Connection connection, long processId) throws SQLException {
    String sql = """
        WITH gone AS (
          DELETE FROM tasker.processes WHERE process_id = ? RETURNING process_id, %s AS durability
        )
        DELETE FROM tasker.process_tasks l USING gone g WHERE l.process_id = g.process_id""".replace("%s", NOT_DURABLE);
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      statement.setLong(1, processId);
      statement.execute();
    }
  }

}
