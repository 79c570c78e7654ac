package io.taskercore.fault;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** A standby that has not received everything takes the place of its server, under living processes. */
class FailoverTest {

  private static final Map<String, Object> SETTINGS = Map.of("max_crashes", 1_000, "lease_ms", 3_000);

  /** Ids of tasks that are lost are given out again, to tasks of other plans: a result of the one would not be the other's. */
  @Test
  void whatIsLostMisleadsNobody() {
    try (OwnPostgres postgres = OwnPostgres.create(); Site site = new Site(postgres).named("failover").open()) {
      long seed = Long.getLong("tasker.seed", System.nanoTime() % 1_000_000);
      site.say("tasker.seed=" + seed);
      List<Plan> plans = new ArrayList<>(Plan.mixed(new Random(seed)));
      OwnPostgres standby = postgres.standby();
      try (Fleet fleet = new Fleet(site, 3, SETTINGS).awaitReady()) {
        site.mixedTasks(plans, 8);
        Patience.until("some have ended", () -> site.ended() >= 20);

        standby.cutOff();
        long kept = newestTask(site);
        plans.forEach(plan -> site.tasks(plan, 12));
        WorkerProcess late = fleet.atWork().get(0);
        late.pause();
        long ended = site.ended();
        Patience.until("some more have ended, or nothing can", () -> site.ended() > ended || site.unended() == 0);
        long lost = newestTask(site) - kept;
        postgres.failOverTo(standby);
        site.say(lost + " tasks are lost; the newest is " + newestTask(site));
        assertThat(newestTask(site)).isLessThanOrEqualTo(kept);

        // In another order, so that an id is another plan's this time.
        Collections.reverse(plans);
        plans.forEach(plan -> site.tasks(plan, 12));
        Patience.pass(Duration.ofSeconds(5));
        late.resume();

        site.awaitAllEnded();
        assertThat(fleet.incarnations()).isEqualTo(3);
        site.verdictOfTheDatabase();
      }
    }
  }

  private static long newestTask(Site site) {
    return site.database().number("SELECT COALESCE(max(task_id), 0) FROM tasker.tasks");
  }
}
