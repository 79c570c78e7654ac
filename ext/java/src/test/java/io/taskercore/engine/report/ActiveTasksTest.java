package io.taskercore.engine.report;

import static org.assertj.core.api.Assertions.assertThat;

import io.taskercore.store.Database;
import io.taskercore.testing.Await;
import io.taskercore.testing.TestDatabase;
import java.sql.Connection;
import java.sql.Statement;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class ActiveTasksTest {

  private final TestDatabase database = TestDatabase.migrated();
  private final AtomicLong nanos = new AtomicLong();

  @Test
  void whoAsksForTheLastCountHasThatOfTheBackground() {
    try (database; ActiveTasks tasks = new ActiveTasks(new Database(database.dataSource()), nanos::get)) {
      Await.until("somebody has counted", () -> tasks.lastCount() != null);

      assertThat(tasks.lastCount()).isZero();
      assertThat(tasks.now()).isZero();
    }
  }

  @Test
  void theLastCountIsThereWhileThereCanBeNoOtherAndForgottenWhenItIsOld() throws Exception {
    try (database;
        ActiveTasks tasks = new ActiveTasks(new Database(database.dataSource()), nanos::get);
        Connection other = database.dataSource().getConnection();
        Statement statement = other.createStatement()) {
      tasks.now();
      other.setAutoCommit(false);
      statement.execute("LOCK TABLE tasker.tasks IN ACCESS EXCLUSIVE MODE");

      assertThat(tasks.lastCount()).isZero();
      nanos.addAndGet(TimeUnit.MINUTES.toNanos(1));
      assertThat(tasks.lastCount()).isNull();
      other.rollback();
    }
  }
}
