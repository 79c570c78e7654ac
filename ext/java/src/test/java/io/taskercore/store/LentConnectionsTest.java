package io.taskercore.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.taskercore.model.TaskerException;
import io.taskercore.testing.TestDatabase;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.SQLException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Connections as callers have them: wrapped by their pools, of drivers that other class loaders have loaded. */
class LentConnectionsTest {

  private final TestDatabase database = TestDatabase.create();
  private final LentConnections lent = new LentConnections(new Database(database.dataSource()));
  private Connection connection;

  @BeforeEach
  void connect() throws SQLException {
    connection = database.dataSource().getConnection();
    database.execute("CREATE TABLE things (id integer)");
  }

  @AfterEach
  void close() throws SQLException {
    connection.close();
    database.close();
  }

  /** What cannot be unwrapped to the driver that we know. */
  private Connection stranger() {
    return wrap(Connection.class, connection, (proxy, method, arguments) -> switch (method.getName()) {
      case "isWrapperFor" -> false;
      default -> method.invoke(connection, arguments);
    });
  }

  private static <T> T wrap(Class<T> type, T inner, InvocationHandler handler) {
    return type.cast(Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type}, (proxy, method, arguments) -> {
      try {
        return handler.invoke(proxy, method, arguments);
      } catch (InvocationTargetException thrown) {
        throw thrown.getCause();
      }
    }));
  }

  private void insert(Connection into) {
    Database.allOrNothingWithin(into, on -> on.createStatement().executeUpdate("INSERT INTO things VALUES (1)"));
  }

  private long things() {
    return database.number("SELECT count(*) FROM things");
  }

  @Test
  void of_a_driver_that_cannot_be_asked_the_server_is_asked_whether_there_is_a_transaction() throws SQLException {
    lent.check(stranger());
    insert(stranger());
    assertThat(things()).isOne();
    assertThat(connection.getAutoCommit()).isTrue();

    connection.createStatement().execute("BEGIN");
    insert(stranger());
    assertThat(things()).isOne();
    connection.createStatement().execute("ROLLBACK");

    connection.setAutoCommit(false);
    insert(stranger());
    connection.rollback();
    assertThat(things()).isOne();
  }

  @Test
  void a_transaction_that_was_begun_by_a_statement_is_one() throws SQLException {
    assertThatCode(() -> lent.refuseTransaction(connection)).doesNotThrowAnyException();
    assertThatCode(() -> lent.refuseTransaction(stranger())).doesNotThrowAnyException();

    connection.createStatement().execute("BEGIN");

    assertThatThrownBy(() -> lent.refuseTransaction(connection)).isInstanceOf(TaskerException.State.class);
    assertThatThrownBy(() -> lent.refuseTransaction(stranger())).isInstanceOf(TaskerException.State.class);
  }

  @Test
  void another_product_is_refused_by_its_name() {
    Connection other = wrap(Connection.class, connection, (proxy, method, arguments) -> switch (method.getName()) {
      case "isWrapperFor" -> false;
      case "getMetaData" -> wrap(
          DatabaseMetaData.class, connection.getMetaData(), (meta, asked, given) -> "H2");
      default -> method.invoke(connection, arguments);
    });

    assertThatThrownBy(() -> lent.check(other))
        .isInstanceOf(TaskerException.Validation.class)
        .hasMessageContaining("must lead to PostgreSQL, not to H2");
  }

  @Test
  void another_database_is_refused_time_and_again() throws SQLException {
    TestDatabase other = TestDatabase.create();
    try (Connection elsewhere = other.dataSource().getConnection()) {
      for (int i = 0; i < 2; i++) {
        assertThatThrownBy(() -> lent.check(elsewhere))
            .isInstanceOf(TaskerException.Validation.class)
            .hasMessageContaining("leads to another database");
        lent.check(connection);
      }
    } finally {
      other.close();
    }
  }
}
