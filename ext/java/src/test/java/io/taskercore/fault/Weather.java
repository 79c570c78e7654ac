package io.taskercore.fault;

import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.Random;

/** What befalls a database without anybody dying: for some seconds it is less than it should be, and then it is well again. */
enum Weather {

  /** Somebody has begun a transaction, locked rows of some tasks in progress, and does not end it. */
  LOCKED_ROWS(12) {
    @Override
    void during(Site site, Duration time) {
      try (Connection connection = site.database().dataSource().getConnection(); Statement statement = connection.createStatement()) {
        connection.setAutoCommit(false);
        statement.execute("""
            SELECT 1 FROM tasker.tasks WHERE state IN ('pending', 'in_progress') ORDER BY task_id LIMIT 5 FOR UPDATE SKIP LOCKED""");
        Patience.pass(time);
        connection.rollback();
      } catch (SQLException failure) {
        site.say("the one who locks rows was cut off: " + failure.getMessage());
      }
    }
  },

  /** All sessions are, those that are there included, as while a server is switched over. */
  READ_ONLY(10) {
    @Override
    void during(Site site, Duration time) {
      with(site, "default_transaction_read_only", "on", time);
    }
  },

  /** Commits wait for a standby that is not there. */
  STANDBY_AWAY(40) {
    @Override
    void during(Site site, Duration time) {
      with(site, "synchronous_standby_names", "'nobody'", time);
    }
  },

  /** The pooler that some reach it by lends its sessions for one transaction only, which those who are there were not told. */
  POOLER_IN_THE_WRONG_MODE(30) {
    @Override
    void during(Site site, Duration time) {
      site.pooler().lendForTransactions(true);
      Patience.pass(time);
      site.pooler().lendForTransactions(false);
    }
  };

  private final int longestS;

  Weather(int longestS) {
    this.longestS = longestS;
  }

  /** Lasts so long, then is over. */
  abstract void during(Site site, Duration time);

  /** For how long, from a third of the longest time on. */
  Duration length(Random random) {
    return Duration.ofMillis(longestS * 1_000L / 3 + random.nextInt(longestS * 1_000 * 2 / 3));
  }

  private static void with(Site site, String setting, String value, Duration time) {
    site.database().execute("ALTER SYSTEM SET " + setting + " = " + value);
    site.database().execute("SELECT pg_reload_conf()");
    try {
      Patience.pass(time);
    } finally {
      site.database().execute("ALTER SYSTEM RESET " + setting);
      site.database().execute("SELECT pg_reload_conf()");
    }
  }
}
