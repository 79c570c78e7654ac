package io.taskercore.fault;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Processes whose clocks are wrong by an hour: the database is the clock. */
class WrongClockTest {

  private static final long HOUR_MS = 3_600_000;

  @RegisterExtension
  final Site site = Site.shared();

  private WorkerProcess shifted(String name, long byMs) {
    return site.worker(name, site.database().url(), Map.of(), List.of(ShiftedClock.jvmOption(site.folder(), byMs)), Plan.HANDLER)
        .awaitReady();
  }

  @Test
  void leasesRetriesAndTimesAreThoseOfTheDatabase() {
    WorkerProcess ahead = shifted("ahead", HOUR_MS);
    WorkerProcess behind = shifted("behind", -HOUR_MS);
    Plan plan = Plan.of("timely", StepPlan.step(50), StepPlan.step(20, 0).failing(2, 3), StepPlan.step(20, 0).hanging(1, 50, 400),
        StepPlan.step(300, 1, 2));
    long[] taskIds = site.tasks(plan, 40);
    site.register(Plan.of("later", StepPlan.step(0)));
    site.client().tasks().initializeTask(io.taskercore.model.Json.of("""
        {"task_name": "later", "run_at": "%s"}""".formatted(java.time.Instant.now().plusSeconds(3))));

    site.awaitAllEnded();

    long nowMs = System.currentTimeMillis();
    assertThat(ahead.runs()).isNotEmpty().allSatisfy(run -> assertThat(run.begunAtMs()).isGreaterThan(nowMs + HOUR_MS / 2));
    assertThat(behind.runs()).isNotEmpty().allSatisfy(run -> assertThat(run.begunAtMs()).isLessThan(nowMs - HOUR_MS / 2));
    assertThat(taskIds).hasSize(40);
    assertThat(site.crashes()).isZero();
    assertThat(site.database().number("""
        SELECT count(*) FROM tasker.workflow_steps
        WHERE NOT (started_at BETWEEN now() - interval '10 minutes' AND now())
          OR NOT (completed_at BETWEEN started_at AND now())""")).isZero();
    assertThat(site.database().number("""
        SELECT count(*) FROM tasker.transitions WHERE at NOT BETWEEN now() - interval '10 minutes' AND now()""")).isZero();
    assertThat(site.database().number("""
        SELECT count(*) FROM tasker.tasks WHERE started_at < run_at""")).isZero();
    site.verdict();
  }
}
