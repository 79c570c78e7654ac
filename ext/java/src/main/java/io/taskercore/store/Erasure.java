package io.taskercore.store;

import java.sql.Array;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;

/** Removes what a test has made. */
public final class Erasure {

  /** Removes everything in these namespaces: tasks, their steps and their log, and templates. Locks the tasks by id first. */
  public void namespaces(Connection connection, Collection<String> namespaces) throws SQLException {
    List<Long> taskIds = lockTasks(connection, namespaces);
    delete(connection, "DELETE FROM tasker.tasks WHERE task_id = ANY (?)", Rows.bigints(connection, taskIds));
    delete(connection, "DELETE FROM tasker.templates WHERE namespace = ANY (?)", Rows.texts(connection, namespaces));
  }

  /** By tasks_by_name. */
  private static List<Long> lockTasks(Connection connection, Collection<String> namespaces) throws SQLException {
    String sql = "SELECT task_id FROM tasker.tasks WHERE namespace = ANY (?) ORDER BY task_id FOR UPDATE";
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      statement.setArray(1, Rows.texts(connection, namespaces));
      try (ResultSet row = statement.executeQuery()) {
        List<Long> taskIds = new ArrayList<>();
        while (row.next()) {
          taskIds.add(row.getLong(1));
        }
        return taskIds;
      }
    }
  }

  private static void delete(Connection connection, String sql, Array which) throws SQLException {
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      statement.setArray(1, which);
      statement.executeUpdate();
    }
  }
}
