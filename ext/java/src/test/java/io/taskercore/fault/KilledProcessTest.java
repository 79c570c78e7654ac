package io.taskercore.fault;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Worker processes that die by kill -9, with the settings that users get by default. */
class KilledProcessTest {

  @RegisterExtension
  final Site site = Site.shared();

  /** Until the step runs elsewhere, by the clock of this machine: printed, for a slow machine is no failure. */
  private void sayRecovered(WorkerProcess killed, WorkerProcess other, long stepId) {
    long tookMs = other.awaitBegun(stepId).begunAtMs() - killed.killedAtMs();
    site.say("the step ran elsewhere " + tookMs + " ms after the death of its process (10,000 are promised)");
  }

  @Test
  void insideAHandlerTheStepRunsElsewhereAndNothingElseRunsAgain() {
    Plan plan = Plan.of("killed", StepPlan.step(0), StepPlan.step(0, 0).gated("middle"), StepPlan.step(0, 1));
    WorkerProcess doomed = site.worker("doomed", Map.of()).awaitReady();
    long taskId = site.task(plan);
    doomed.awaitBegun(Site.stepId(taskId, 1));
    WorkerProcess other = site.worker("other", Map.of()).awaitReady();

    doomed.kill();
    site.openGate("middle");

    sayRecovered(doomed, other, Site.stepId(taskId, 1));
    site.awaitAllEnded();
    assertThat(site.runsOf(Site.stepId(taskId, 0))).containsExactly("doomed#1");
    assertThat(site.runsOf(Site.stepId(taskId, 1))).containsExactly("doomed#1", "other#2");
    assertThat(site.runsOf(Site.stepId(taskId, 2))).containsExactly("other#1");
    assertThat(site.verdict().excess()).isEqualTo(1);
  }
}
