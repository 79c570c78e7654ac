package io.taskercore.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import io.taskercore.model.ClaimedStep;
import io.taskercore.store.ProcessStore.Abilities;
import io.taskercore.store.ProcessStore.Lapse;
import io.taskercore.store.ProcessStore.Orphan;
import io.taskercore.store.StepClaims.Apart;
import io.taskercore.testing.Engine;
import io.taskercore.testing.Workflow;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** What a dead process held, and what it costs to find it. */
class ProcessStoreTest {

  private static final Workflow PAIR = Workflow.named("pair").step("a").step("b", "a");

  private static final long ASKING = 99;

  private static final Abilities HERE = new Abilities(List.of("a"), 2);

  @RegisterExtension
  final Engine engine = Engine.start();

  private final ProcessStore processes = new ProcessStore();
  private final StepClaims claims = new StepClaims();
  private final Database database = new Database(engine.database().dataSource());

  private Claimant process() {
    Claimant claimant = Claimant.of(Claimant.newProcessId());
    database.call(connection ->
        processes.register(connection, claimant.processId(), "host", 1, 3_600_000, HERE));
    return claimant;
  }

  private void claim(Claimant claimant, long taskId) {
    database.call(connection ->
        claims.claimOfTask(connection, new Claimant(claimant.processId(), Claimant.newJump()), taskId, Set.of("a"), Apart.NONE, 1));
  }

  private long claimNew(Claimant claimant) {
    long taskId = engine.task(PAIR);
    claim(claimant, taskId);
    return taskId;
  }

  private void bury(Claimant claimant) {
    engine.database().execute(
        "UPDATE tasker.processes SET lease_until = now() - interval '1 second' WHERE process_id = " + claimant.processId());
    int buried = database.transaction(connection -> processes.bury(connection, lapsed(connection)));
    assertThat(buried).isEqualTo(1);
  }

  /** As a process sees it that has a lease; on a server that has been up for a moment. */
  private List<Lapse> lapsed(Connection connection) throws SQLException {
    processes.register(connection, ASKING, "host", 1, 3_600_000, HERE);
    return processes.lapsed(connection, ASKING, 1);
  }

  @Test
  void whoHasRenewedSinceItWasSeenIsNotTakenForDead() {
    Claimant late = process();
    engine.database().execute("UPDATE tasker.processes SET lease_until = now() - interval '1 second'");
    List<Lapse> seen = database.call(this::lapsed);
    assertThat(seen).extracting(Lapse::processId, Lapse::inOrder, Lapse::ahead).containsExactly(tuple(late.processId(), false, false));

    database.call(connection -> processes.renew(connection, late.processId(), 1_000, HERE, null, List.of(), List.of()));

    assertThat(database.<Integer>call(connection -> processes.bury(connection, seen))).isZero();
  }

  @Test
  void aRowThatSomebodyElseHasLockedIsLeftToThatOne() throws SQLException {
    process();
    process();
    engine.database().execute("UPDATE tasker.processes SET lease_until = now() - interval '1 second'");
    List<Lapse> seen = database.call(this::lapsed);
    try (Connection other = engine.database().dataSource().getConnection(); Statement statement = other.createStatement()) {
      other.setAutoCommit(false);
      statement.execute("SELECT 1 FROM tasker.processes WHERE process_id = " + seen.get(0).processId() + " FOR UPDATE");

      assertThat(database.<Integer>call(connection -> processes.bury(connection, seen))).isEqualTo(1);

      other.rollback();
    }
    assertThat(database.<Integer>call(connection -> processes.bury(connection, seen))).isEqualTo(1);
  }

  @Test
  void aLeaseThatEndsLaterThanAnyThatIsWrittenNowTellsNothing() {
    Claimant early = process();
    engine.database().execute("UPDATE tasker.processes SET lease_until = now() + interval '2 hours'");

    assertThat(database.call(this::lapsed)).extracting(Lapse::processId, Lapse::ahead).containsExactly(tuple(early.processId(), true));
  }

  @Test
  void whoHasLeftInOrderIsSeenAsSuch() {
    Claimant gone = process();
    database.call(connection -> {
      processes.leave(connection, gone.processId());
      return null;
    });

    assertThat(database.call(this::lapsed)).extracting(Lapse::processId, Lapse::inOrder).containsExactly(tuple(gone.processId(), true));
  }

  private List<Long> orphans(Long... asked) {
    return database.call(connection -> processes.orphans(connection, List.of(asked))).stream().map(Orphan::taskId).toList();
  }

  private List<Long> heldBy(Claimant claimant) {
    return database.call(connection -> processes.heldBy(connection, claimant.processId(), Set.of())).stream().map(ClaimedStep::taskId).toList();
  }

  @Test
  void whatADeadProcessHeldIsFoundAndWhatOthersHoldIsNot() {
    Claimant dead = process();
    Claimant living = process();
    long first = claimNew(dead);
    claimNew(living);
    long second = claimNew(dead);

    assertThat(orphans()).isEmpty();
    assertThat(heldBy(dead)).containsExactlyInAnyOrder(first, second);
    bury(dead);

    assertThat(orphans()).containsExactly(first, second);
  }

  @Test
  void aRenewalPutsOneRowInThePlaceOfOthers() {
    Claimant claimant = process();
    long taskId = claimNew(claimant);
    claimNew(claimant);
    List<Long> replaced = engine.database().column("SELECT jump FROM tasker.process_tasks").stream().map(Long::valueOf).toList();
    assertThat(replaced).hasSize(2);

    database.call(connection -> processes.renew(
        connection, claimant.processId(), 1_000, HERE, new TaskList(7, replaced, Set.of(taskId)), List.of(), List.of()));

    assertThat(engine.database().column("SELECT jump || ' ' || task_ids::text FROM tasker.process_tasks"))
        .containsExactly("7 {" + taskId + "}");
  }

  @Test
  void aProcessThatIsTakenForDeadRewritesNothing() {
    Claimant claimant = process();
    claimNew(claimant);
    List<String> before = engine.database().column("SELECT jump FROM tasker.process_tasks");
    bury(claimant);

    database.call(connection -> processes.renew(
        connection, claimant.processId(), 1_000, HERE,
        new TaskList(7, before.stream().map(Long::valueOf).toList(), Set.of()), List.of(), List.of()));

    assertThat(engine.database().column("SELECT jump FROM tasker.process_tasks")).isEqualTo(before);
  }

  @Test
  void ofABuildThatListedNothingAllIsFoundByALookAtAllTasksInProgress() {
    Claimant old = process();
    long taskId = claimNew(old);
    engine.database().execute("UPDATE tasker.processes SET lists_tasks = false");
    engine.database().execute("TRUNCATE tasker.process_tasks");
    bury(old);

    assertThat(orphans()).containsExactly(taskId);
  }

  @Test
  void whatNoListTellsOfIsFoundWhereSomebodyAsksForIt() {
    Claimant dead = process();
    long taskId = claimNew(dead);
    engine.database().execute("TRUNCATE tasker.process_tasks");
    bury(dead);

    assertThat(orphans()).isEmpty();
    assertThat(orphans(taskId)).containsExactly(taskId);
  }

  @Test
  void whatIsListedForProcessesThatAreForgottenGoesWithThem() {
    Claimant dead = process();
    Claimant living = process();
    Claimant nameless = process();
    claimNew(dead);
    claimNew(nameless);
    long held = claimNew(living);
    bury(dead);
    engine.database().execute("DELETE FROM tasker.processes WHERE process_id = " + nameless.processId());
    String lists = "SELECT process_id FROM tasker.process_tasks ORDER BY task_ids";

    forget(List.of(dead.processId(), nameless.processId()));
    assertThat(engine.database().column(lists)).hasSize(3);
    forget(List.of());

    assertThat(engine.database().column(lists)).containsExactly(String.valueOf(living.processId()));
    assertThat(heldBy(living)).containsExactly(held);
  }

  private void forget(List<Long> stillHolding) {
    database.call(connection -> {
      processes.forget(connection, 0, stillHolding);
      return null;
    });
  }

  /** By what PostgreSQL counts: a look that reads the tasks of others would read some thousand rows here. */
  @Test
  void theLookCostsWhatTheDeadHaveHeldWhateverElseIsInProgress() {
    Claimant dead = process();
    Claimant living = process();
    claimNew(dead);
    bury(dead);
    long alone = rowsReadByALook();
    engine.database().execute("""
        WITH copies AS (
          INSERT INTO tasker.tasks (template_id, namespace, name, priority, fail_fast, total_steps, correlation_id, tags, payload,
            created_at, state, active_steps, started_at)
          SELECT t.template_id, t.namespace, t.name, 0, false, 2, 'copy', '{}', '{}', now(), 'in_progress', 1, now()
          FROM tasker.tasks t, generate_series(1, 3000)
          RETURNING task_id
        )
        INSERT INTO tasker.workflow_steps (task_id, step_id, name, handler, parents, children, max_crashes, max_attempts, state,
          waiting_on, attempts, fence, process_id)
        SELECT c.task_id, c.task_id * 65536, 'a', 'a', '{}', '{}', 3, 3, 'in_progress', 0, 1, 1, %d FROM copies c""".formatted(living.processId()));
    engine.database().execute("ANALYZE tasker.tasks, tasker.workflow_steps");

    assertThat(rowsReadByALook()).isEqualTo(alone);
    engine.database().execute("DELETE FROM tasker.tasks WHERE correlation_id = 'copy'");
  }

  private long rowsReadByALook() {
    return database.transaction(connection -> {
      long before = rowsRead(connection);
      assertThat(processes.orphans(connection, List.of())).hasSize(1);
      return rowsRead(connection) - before;
    });
  }

  private static long rowsRead(Connection connection) throws SQLException {
    try (Statement statement = connection.createStatement();
        ResultSet row = statement.executeQuery("""
            SELECT sum(seq_tup_read + COALESCE(idx_tup_fetch, 0))
            FROM pg_stat_xact_user_tables
            WHERE relname IN ('tasks', 'workflow_steps')""")) {
      row.next();
      return row.getLong(1);
    }
  }
}
