package io.taskercore.fault;

import io.taskercore.fault.Journal.Run;
import io.taskercore.fault.Plan.Fate;
import io.taskercore.testing.Invariants;
import io.taskercore.testing.TestDatabase;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.json.JsonMapper;

/**
 * Sets what the worker processes did against what the database says, and both against the model.
 *
 * <ul>
 *   <li>The invariants of the schema hold.
 *   <li>Every task and every step ended as its plan says, with the result that follows from its parents' accepted ones.
 *   <li>No claim was run twice, and every accepted outcome was run.
 *   <li>A run whose outcome was not accepted is explained: its task was cut short, or its process was harmed by the test.
 * </ul>
 */
final class Ledger {

  private static final int SHOWN = 20;

  private static final JsonMapper MAPPER = JsonMapper.builder().build();

  /** How a claim ended, by the log. */
  private enum Ending {
    ACCEPTED,
    CRASHED,
    BROKEN_OFF,
    CANCELLED,
    OPEN
  }

  private record Claim(long stepId, int attempt) {}

  /** @param recoveredMs for each process that was killed with steps at hand: until the last of them was free for others */
  record Counts(
      long tasks, long steps, long runs, long accepted, long excess, long crashes, long crashesNotBegun, List<Long> recoveredMs) {}

  private final TestDatabase database;
  private final Map<String, Plan> plans;
  private final Map<String, WorkerProcess> processes = new HashMap<>();
  private final List<String> complaints = new ArrayList<>();
  private final Map<Claim, Ending> endings = new HashMap<>();

  /** How often a claim ended with its process, which may not have begun it: its number was given to the next claim. */
  private final Map<Claim, Integer> died = new HashMap<>();
  private final Map<Claim, Long> endedAtMs = new HashMap<>();
  private long tasks;
  private long steps;

  private Ledger(TestDatabase database, Map<String, Plan> plans, Collection<WorkerProcess> processes) {
    this.database = database;
    this.plans = plans;
    processes.forEach(process -> this.processes.put(process.name() + ".journal", process));
  }

  /**
   * @param plans by the names of their workflows
   * @param processes all that ever worked on the database
   * @throws AssertionError with whatever is not right
   */
  static Counts check(TestDatabase database, Map<String, Plan> plans, Collection<WorkerProcess> processes) {
    return new Ledger(database, plans, processes).check();
  }

  /** The same without the journals, which tell of more than a database that has lost its newest changes. */
  static void checkAgainstModel(TestDatabase database, Map<String, Plan> plans) {
    Ledger ledger = new Ledger(database, plans, List.of());
    ledger.checkInvariants();
    try (Connection connection = database.dataSource().getConnection()) {
      ledger.compareWithModel(connection);
    } catch (SQLException failure) {
      throw new AssertionError(failure);
    }
    ledger.complain();
  }

  private void checkInvariants() {
    try {
      Invariants.check(database);
    } catch (AssertionError broken) {
      complaints.add(broken.getMessage());
    }
  }

  private void complain() {
    if (!complaints.isEmpty()) {
      int more = complaints.size() - SHOWN;
      throw new AssertionError(complaints.size() + " complaints:\n"
          + String.join("\n", complaints.subList(0, Math.min(SHOWN, complaints.size())))
          + (more > 0 ? "\n... and " + more + " more" : ""));
    }
  }

  private Counts check() {
    checkInvariants();
    try (Connection connection = database.dataSource().getConnection()) {
      compareWithModel(connection);
      readLog(connection);
    } catch (SQLException failure) {
      throw new AssertionError(failure);
    }
    Counts counts = settle();
    complain();
    return counts;
  }

  private void compareWithModel(Connection connection) throws SQLException {
    Map<String, List<Fate>> fates = new HashMap<>();
    plans.forEach((name, plan) -> fates.put(name, plan.fates()));
    // By the cursor: a hundred thousand steps need not be in memory at once.
    connection.setAutoCommit(false);
    try (Statement statement = connection.createStatement()) {
      statement.setFetchSize(1_000);
      try (ResultSet row = statement.executeQuery("""
          SELECT t.task_id, t.name, t.state AS task_state, s.step_id & 65535 AS ordinal, s.state, s.attempts, s.crashes, s.result
          FROM tasker.tasks t JOIN tasker.workflow_steps s USING (task_id)
          ORDER BY s.step_id""")) {
        while (row.next()) {
          Plan plan = plans.get(row.getString("name"));
          steps++;
          int ordinal = row.getInt("ordinal");
          if (ordinal == 0) {
            tasks++;
            expect(plan.fate(), row.getString("task_state"), "task " + row.getLong("task_id") + " of " + plan.name());
          }
          compare(plan, fates.get(plan.name()).get(ordinal), row);
        }
      }
    }
    connection.setAutoCommit(true);
  }

  private void compare(Plan plan, Fate fate, ResultSet row) throws SQLException {
    String what = "task " + row.getLong("task_id") + " of " + plan.name() + ", " + Plan.stepName(row.getInt("ordinal"));
    String state = row.getString("state");
    int attempts = row.getInt("attempts");
    int failures = attempts - row.getInt("crashes");
    boolean cutShort = plan.failFast() && plan.fate().equals("error");
    if (cutShort && state.equals("cancelled")) {
      if (failures > fate.mostAttempts() && !fate.state().equals("pending")) {
        complaints.add(what + ": " + failures + " attempts before it was cancelled");
      }
      return;
    }
    expect(fate.state(), state, what);
    if (attempts < fate.leastAttempts() || failures > fate.mostAttempts()) {
      complaints.add(what + ": " + attempts + " attempts, " + row.getInt("crashes") + " of them crashed, where the model says "
          + fate.leastAttempts() + " to " + fate.mostAttempts());
    }
    if (state.equals("complete")) {
      long sum = MAPPER.readTree(row.getString("result")).get("sum").asLong();
      if (sum != fate.sum()) {
        complaints.add(what + ": its result is " + sum + " where the model says " + fate.sum());
      }
    }
  }

  private void expect(String expected, String actual, String what) {
    if (!expected.equals(actual)) {
      complaints.add(what + " is " + actual + " where the model says " + expected);
    }
  }

  private void readLog(Connection connection) throws SQLException {
    connection.setAutoCommit(false);
    try (Statement statement = connection.createStatement()) {
      statement.setFetchSize(5_000);
      try (ResultSet row = statement.executeQuery("""
          SELECT step_id, from_state, to_state, attempt, reason, (extract(epoch FROM at) * 1000)::bigint AS at_ms
          FROM tasker.transitions
          WHERE step_id IS NOT NULL AND 'in_progress' IN (from_state, to_state)
          ORDER BY task_id, transition_id""")) {
        Map<Long, Integer> current = new HashMap<>();
        while (row.next()) {
          long stepId = row.getLong("step_id");
          if (row.getString("to_state").equals("in_progress")) {
            current.put(stepId, row.getInt("attempt"));
            endings.put(new Claim(stepId, row.getInt("attempt")), Ending.OPEN);
          } else {
            Claim claim = new Claim(stepId, current.get(stepId));
            end(claim, row.getString("to_state"), String.valueOf(row.getString("reason")));
            endedAtMs.put(claim, row.getLong("at_ms"));
          }
        }
      }
    }
    connection.setAutoCommit(true);
  }

  private void end(Claim claim, String toState, String reason) {
    switch (reason) {
      // Nobody has begun it, and its number is given to the next claim.
      case "given_back" -> endings.remove(claim);
      case "process_died" -> {
        endings.remove(claim);
        died.merge(claim, 1, Integer::sum);
      }
      case "lease_lapsed", "crash_limit" -> endings.put(claim, Ending.CRASHED);
      case "interrupted" -> endings.put(claim, Ending.BROKEN_OFF);
      default -> endings.put(claim, toState.equals("cancelled") ? Ending.CANCELLED : Ending.ACCEPTED);
    }
  }

  private Counts settle() {
    Map<Claim, Integer> begun = new HashMap<>();
    Map<String, Long> lastRecovery = new HashMap<>();
    long runs = 0;
    long excess = 0;
    for (WorkerProcess process : processes.values()) {
      for (Run run : process.runs()) {
        runs++;
        Claim claim = new Claim(run.stepId(), run.attempt());
        Ending ending = endings.get(claim);
        int times = begun.merge(claim, 1, Integer::sum);
        int deaths = died.getOrDefault(claim, 0);
        if (times > deaths + 1) {
          complaints.add("step " + run.stepId() + ", attempt " + run.attempt() + " was begun " + times + " times, and " + deaths
              + " processes died with it");
        }
        if (deaths > 0 ? times > deaths && ending == null : ending == null || ending == Ending.OPEN) {
          complaints.add("step " + run.stepId() + ", attempt " + run.attempt() + " was begun by " + process.name()
              + ", and by the log it " + (ending == null ? "was given back" : "has not ended"));
        }
        if (ending != Ending.ACCEPTED || times > 1) {
          excess++;
        }
        if (ending == Ending.CRASHED && !process.wasHarmed()) {
          complaints.add("step " + run.stepId() + ", attempt " + run.attempt() + " was taken from " + process.name()
              + ", which lived" + (run.end() == null ? "" : "; its handler had " + run.end()));
        }
        // What it had lost before, in a pause, is not what its death cost.
        if (ending == Ending.CRASHED && process.killedAtMs() > 0 && endedAtMs.get(claim) >= process.killedAtMs()) {
          lastRecovery.merge(process.name(), endedAtMs.get(claim) - process.killedAtMs(), Math::max);
        }
      }
    }
    long accepted = endings.values().stream().filter(Ending.ACCEPTED::equals).count();
    endings.forEach((claim, ending) -> {
      if (ending == Ending.ACCEPTED && !begun.containsKey(claim)) {
        complaints.add("step " + claim.stepId() + ", attempt " + claim.attempt() + " has an outcome, and nobody ran it");
      }
    });
    long crashes = endings.values().stream().filter(Ending.CRASHED::equals).count();
    long notBegun = endings.entrySet().stream()
        .filter(entry -> entry.getValue() == Ending.CRASHED && !begun.containsKey(entry.getKey())).count();
    if (notBegun + died.size() > 0 && processes.values().stream().noneMatch(WorkerProcess::wasHarmed)) {
      complaints.add(notBegun + " claims that nobody had begun were taken for crashed, and " + died.size()
          + " ended with their process, and no process was harmed");
    }
    return new Counts(tasks, steps, runs, accepted, excess, crashes, notBegun, List.copyOf(lastRecovery.values()));
  }
}
