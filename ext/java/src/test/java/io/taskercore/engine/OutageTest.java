package io.taskercore.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.taskercore.model.TaskerException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

/** What the log says while PostgreSQL is away, however many notice and however often. */
class OutageTest {

  private static final TaskerException.Database AWAY =
      new TaskerException.Database("the connection to PostgreSQL failed", "08006", true, null);

  private final List<String> lines = new ArrayList<>();
  private final AtomicLong nanos = new AtomicLong(Long.MAX_VALUE - 5);
  private final Outage outage = new Outage(nanos::get, line -> lines.add("WARN " + line), line -> lines.add("INFO " + line));

  private void pass(long seconds) {
    nanos.addAndGet(TimeUnit.SECONDS.toNanos(seconds));
  }

  @Test
  void itIsToldWhenItGoesOnceAMinuteBetweenAndWhenItIsBack() {
    for (int i = 0; i < 150; i++) {
      outage.failed(AWAY);
      outage.failed(AWAY);
      pass(1);
    }
    outage.worked();
    outage.worked();

    assertThat(lines).containsExactly(
        "WARN Database error: the connection to PostgreSQL failed. What waits for PostgreSQL is tried again until it is back",
        "WARN database: PostgreSQL has been away for 60 s (Database error: the connection to PostgreSQL failed)",
        "WARN database: PostgreSQL has been away for 120 s (Database error: the connection to PostgreSQL failed)",
        "INFO database: PostgreSQL is back, after 150 s");
  }

  @Test
  void connectionsThatDieWhileOthersLiveAreNotToldEachTime() {
    for (int i = 0; i < 59; i++) {
      outage.failed(AWAY);
      outage.worked();
      pass(1);
    }

    assertThat(lines).hasSize(2);
  }

  @Test
  void whatPostgresRefusesIsNoOutage() {
    outage.failed(new TaskerException.Database("PostgreSQL refused a statement", "42501", false, null));
    outage.failed(new TaskerException.Database("PostgreSQL ended the session or the statement", "57014", true, null));
    outage.failed(new TaskerException.Database("PostgreSQL rolled the transaction back", "40001", true, null));
    outage.worked();

    assertThat(lines).isEmpty();
  }
}
