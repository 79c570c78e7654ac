package io.taskercore.fault;

import io.taskercore.fault.Ledger.Counts;
import io.taskercore.model.Json;
import io.taskercore.model.TaskerException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.stream.LongStream;

/**
 * Tasks of all shapes go through some worker processes, while these are killed, paused and started again at random and PostgreSQL
 * is, too; then everything must be as the model says, and every handler run explained.
 *
 * <p>What is done to whom comes from the seed. When it hits depends on the machine, so a seed makes a failure likely again, not
 * certain.
 */
final class Chaos {

  /** A crash for every death of a process; which is no reason for a step here to end. */
  private static final Map<String, Object> SETTINGS = Map.of("max_crashes", 1_000);

  private static final int BATCH = 20;
  private static final int SLOW_PER_S = 10;
  private static final Duration BREATH = Duration.ofMillis(100);
  private static final Duration REPORT = Duration.ofSeconds(15);

  /** For each third of a lease that passes in a pause, a renewal is missed. */
  private static final int LONGEST_PAUSE_MS = 16_000;

  private static final int LONGEST_ABSENCE_MS = 4_000;

  /**
   * What is to happen.
   *
   * @param restarts of PostgreSQL, over the whole time, each followed by some weather
   * @param faultEvery between two faults of processes, on average
   * @param failover whether a standby that lacks the newest changes takes the server's place in the midst of it. The journals tell of more
   *     than the database then, so only the database is held against the model
   */
  record Settings(long seed, Duration time, int tasks, int workers, int restarts, Duration faultEvery, boolean failover) {}

  /** @param counts what the ledger found; null after a failover */
  record Outcome(Counts counts, Map<String, Integer> faults, int incarnations, Duration took) {}

  private final Settings settings;
  private final Site site;
  private final Random random;
  private final List<Plan> plans;
  private final Map<String, Integer> faults = new ConcurrentSkipListMap<>();
  private final List<Paused> paused = new ArrayList<>();
  private long beganNanos;
  private long reportedNanos;
  private long reportedEnded;
  private volatile int made;
  private Thread weather;
  private OwnPostgres standby;

  private record Paused(WorkerProcess process, long untilNanos) {}

  private Chaos(Settings settings, Site site) {
    this.settings = settings;
    this.site = site;
    this.random = new Random(settings.seed());
    this.plans = Plan.mixed(random);
  }

  /** @throws AssertionError with everything that is not as it must be */
  static Outcome run(Settings settings, Site site) {
    return new Chaos(settings, site).run();
  }

  private Outcome run() {
    plans.forEach(site::register);
    standby = settings.failover() ? site.postgres().standby() : null;
    try (Fleet fleet = new Fleet(site, settings.workers(), 1, SETTINGS).awaitReady()) {
      beganNanos = System.nanoTime();
      reportedNanos = beganNanos;
      try (Site.Repeating feeder = Site.every(BREATH, this::feed)) {
        raiseHell(fleet);
        paused.forEach(some -> resume(some.process()));
        site.say("faults are over: " + faults + "; " + site.ended() + " of " + made + " tasks have ended");
        Patience.until("all tasks are made", Duration.ofMinutes(10), () -> made == settings.tasks() || feeder.isOver());
      }
      if (settings.failover()) {
        makeWhatIsLost();
      }
      awaitEnd();
      if (site.ended() != settings.tasks()) {
        throw new AssertionError(site.ended() + " tasks where " + settings.tasks() + " were made");
      }
      site.database().execute("ANALYZE");
      Counts counts = settings.failover() ? null : site.verdict();
      if (counts == null) {
        site.verdictOfTheDatabase();
      }
      return new Outcome(counts, faults, fleet.incarnations(), Duration.ofNanos(System.nanoTime() - beganNanos));
    }
  }

  private void raiseHell(Fleet fleet) {
    long total = settings.time().toNanos();
    long nextFault = nextFault(0);
    int restarts = 0;
    for (long now = 0; now < total; now = System.nanoTime() - beganNanos) {
      resumeThoseDue();
      if (now >= nextFault) {
        harmSomebody(fleet);
        nextFault = nextFault(now);
      }
      if (restarts < settings.restarts() && now >= total * (restarts + 1) / (settings.restarts() + 1)) {
        restarts++;
        awaitFairWeather();
        restartPostgres();
        changeWeather(restarts);
      }
      if (standby != null && now >= total * 0.55) {
        awaitFairWeather();
        failOver();
      }
      report(fleet);
      Patience.pass(BREATH);
    }
    awaitFairWeather();
  }

  /** Some seconds of work are lost, and tasks that were made in them. */
  private void failOver() {
    standby.cutOff();
    Patience.pass(Duration.ofMillis(1_000 + random.nextInt(3_000)));
    long before = site.ended();
    site.postgres().failOverTo(standby);
    standby = null;
    site.say("a standby took the server's place; of " + before + " tasks that had ended it knows " + site.ended());
    count("failovers");
  }

  /** Beside everything else, and each kind in turn. */
  private void changeWeather(int nth) {
    Weather kind = Weather.values()[(nth - 1) % Weather.values().length];
    Duration time = kind.length(random);
    count(kind.name().toLowerCase(Locale.ROOT).replace('_', ' '));
    site.say(kind + " for " + time.toSeconds() + " s");
    weather = new Thread(() -> kind.during(site, time), "weather");
    weather.start();
  }

  private void awaitFairWeather() {
    if (weather != null) {
      Patience.until("fair weather", () -> !weather.isAlive());
    }
  }

  private long nextFault(long now) {
    return now + (long) (settings.faultEvery().toNanos() * (0.2 + 1.6 * random.nextDouble()));
  }

  private void harmSomebody(Fleet fleet) {
    List<WorkerProcess> atWork = new ArrayList<>(fleet.atWork());
    atWork.removeIf(process -> paused.stream().anyMatch(some -> some.process() == process));
    int dice = random.nextInt(10);
    int time = random.nextInt(1_000_000);
    if (atWork.isEmpty()) {
      return;
    }
    WorkerProcess process = atWork.get(random.nextInt(atWork.size()));
    if (dice < 5) {
      fleet.kill(process, Duration.ofMillis(time % LONGEST_ABSENCE_MS));
      count("kills");
    } else if (dice < 8) {
      process.pause();
      paused.add(new Paused(process, System.nanoTime() + Duration.ofMillis(time % LONGEST_PAUSE_MS).toNanos()));
      count("pauses");
    } else {
      terminateSessions();
    }
  }

  /** Some of what the worker processes have open at PostgreSQL. */
  private void terminateSessions() {
    site.database().execute("""
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND application_name <> 'PostgreSQL JDBC Driver'
        ORDER BY random() LIMIT 4""");
    count("terminations of sessions");
  }

  private void restartPostgres() {
    long stoppedNanos = System.nanoTime();
    site.postgres().stopImmediately();
    Patience.pass(Duration.ofMillis(random.nextInt(3_000)));
    site.postgres().start();
    site.say("PostgreSQL was away for " + (System.nanoTime() - stoppedNanos) / 1_000_000 + " ms");
    count("restarts of PostgreSQL");
  }

  private void resumeThoseDue() {
    long now = System.nanoTime();
    paused.removeIf(some -> {
      boolean due = now - some.untilNanos() >= 0;
      if (due) {
        resume(some.process());
      }
      return due;
    });
  }

  private static void resume(WorkerProcess process) {
    if (process.isAlive()) {
      process.resume();
    }
  }

  private void count(String fault) {
    faults.merge(fault, 1, Integer::sum);
  }

  /**
   * Makes the tasks that are due, and all of them some time before the faults are over, so that the last of them see some. Where
   * PostgreSQL fails in between they are made again: the keys see to it that none is there twice.
   */
  private void feed() {
    double passed = (double) (System.nanoTime() - beganNanos) / settings.time().toNanos();
    int upTo = (int) Math.min(settings.tasks(), settings.tasks() * 1.1 * passed + BATCH);
    while (made < upTo) {
      int until = Math.min(upTo, made + BATCH);
      try {
        site.client().tasks().initializeTasks(requests(made, until));
        made = until;
      } catch (TaskerException.Database failure) {
        count("failed calls of the client");
        return;
      }
    }
  }

  private List<Json> requests(int from, int until) {
    return LongStream.range(from, until)
        .mapToObj(i -> Json.of("{\"task_name\": \"%s\", \"idempotency_key\": \"%d\"}".formatted(
            plans.get((int) (i % plans.size())).name(), i)))
        .toList();
  }

  /** Asks for all tasks once more. Their keys see to it that only those are made that are lost. */
  private void makeWhatIsLost() {
    for (int from = 0; from < settings.tasks(); from += BATCH) {
      site.client().tasks().initializeTasks(requests(from, Math.min(settings.tasks(), from + BATCH)));
    }
  }

  private void report(Fleet fleet) {
    if (System.nanoTime() - reportedNanos > REPORT.toNanos()) {
      long ended = site.ended();
      site.say((System.nanoTime() - beganNanos) / 1_000_000_000 + " s: " + ended + " of " + made + " tasks have ended; "
          + faults + "; " + fleet.incarnations() + " processes so far");
      double perSecond = (ended - reportedEnded) * 1e9 / (System.nanoTime() - reportedNanos);
      if (perSecond < SLOW_PER_S && ended < made - BATCH) {
        sayWhatWaits();
      }
      reportedNanos = System.nanoTime();
      reportedEnded = ended;
    }
  }

  /** What one looks at when nothing goes on. */
  private void sayWhatWaits() {
    site.say("that is slow; the sessions: " + String.join("\n  ", site.database().column("""
        SELECT concat_ws(' ', application_name, pid, state, wait_event_type, wait_event,
          round(extract(epoch FROM now() - state_change)::numeric, 1) || ' s, blocked by ' || pg_blocking_pids(pid)::text, left(query, 60))
        FROM pg_stat_activity
        WHERE datname = current_database() AND (state <> 'idle' OR now() - state_change > interval '5 seconds') ORDER BY state_change""")));
    site.say("steps: " + site.database().column("""
        SELECT concat_ws(' ', state, count(*)) FROM tasker.workflow_steps GROUP BY state ORDER BY state"""));
    site.say("processes: " + site.database().column("""
        SELECT concat_ws(' ', process_id, pid, round(extract(epoch FROM lease_until - now())::numeric, 1)) FROM tasker.processes""")
        + ", paused " + paused.stream().map(some -> some.process().name()).toList());
  }

  /** However long it takes, as long as it goes on. */
  private void awaitEnd() {
    long unended = site.unended();
    while (unended > 0) {
      long before = unended;
      Patience.until("less than " + before + " tasks that have not ended", () -> site.unended() < before);
      unended = site.unended();
    }
  }

  /** @param args {@code --seed N --minutes M --tasks N --workers N --restarts N --failover true}, each with a default */
  public static void main(String[] args) {
    Map<String, String> options = options(args);
    Settings settings = new Settings(
        Long.parseLong(options.get("--seed")),
        Duration.ofSeconds((long) (60 * Double.parseDouble(options.get("--minutes")))),
        Integer.parseInt(options.get("--tasks")),
        Integer.parseInt(options.get("--workers")),
        Integer.parseInt(options.get("--restarts")),
        Duration.ofSeconds(4),
        Boolean.parseBoolean(options.get("--failover")));
    System.exit(run(settings) ? 0 : 1);
  }

  private static Map<String, String> options(String[] args) {
    Map<String, String> options = new LinkedHashMap<>(Map.of(
        "--seed", String.valueOf(System.nanoTime() % 1_000_000), "--minutes", "10", "--tasks", "20000", "--workers", "4",
        "--restarts", "5", "--failover", "false"));
    for (int i = 0; i < args.length; i += 2) {
      if (!options.containsKey(args[i]) || i + 1 == args.length) {
        System.err.println("chaos: no such option, or no value for it: " + args[i] + "; there are " + options.keySet());
        System.exit(2);
      }
      options.put(args[i], args[i + 1]);
    }
    return options;
  }

  private static boolean run(Settings settings) {
    System.out.println("chaos: " + settings);
    try (OwnPostgres postgres = OwnPostgres.create(); Site site = new Site(postgres).named("chaos").open()) {
      return report(settings, site);
    }
  }

  private static boolean report(Settings settings, Site site) {
    try {
      Outcome outcome = run(settings, site);
      Counts counts = outcome.counts();
      if (counts == null) {
        System.out.printf("chaos: the database is as it must be, with seed %d: %s; %d processes in all, %d s%n",
            settings.seed(), outcome.faults(), outcome.incarnations(), outcome.took().toSeconds());
        return true;
      }
      System.out.printf("""
          chaos: all is as it must be, with seed %d
            tasks         %d, %d steps, in %d s
            faults        %s; %d processes in all
            crashes       %d claims were taken from dead or paused processes, %d of them not begun
            recoveries    %d, after %d ms in the middle and %d ms at most
            handler runs  %d: %d accepted outcomes, and %d runs without, each explained
          """,
          settings.seed(), counts.tasks(), counts.steps(), outcome.took().toSeconds(), outcome.faults(), outcome.incarnations(),
          counts.crashes(), counts.crashesNotBegun(), counts.recoveredMs().size(), middle(counts.recoveredMs()),
          counts.recoveredMs().stream().mapToLong(ms -> ms).max().orElse(0),
          counts.runs(), counts.accepted(), counts.excess());
      return true;
    } catch (AssertionError violation) {
      System.out.println("chaos: seed " + settings.seed() + ": " + violation.getMessage());
      System.out.println("chaos: the processes' journals and logs are in " + site.keepFolder());
      return false;
    }
  }

  private static long middle(List<Long> values) {
    return values.isEmpty() ? 0 : values.stream().sorted().toList().get(values.size() / 2);
  }
}
