package io.taskercore.store;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;

/** The rights that a user needs to work, and lacks. */
public final class Grants {

  private static final String MISSING = """
      SELECT 'GRANT USAGE ON SCHEMA tasker'
      WHERE NOT has_schema_privilege(to_regnamespace('tasker'), 'USAGE')
      UNION ALL
      SELECT 'GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA tasker'
      WHERE EXISTS (
        SELECT 1 FROM pg_class c
        WHERE c.relnamespace = to_regnamespace('tasker') AND c.relkind IN ('r', 'p')
          AND NOT (has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT')
                   AND has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE')))
      UNION ALL
      SELECT 'GRANT USAGE ON ALL SEQUENCES IN SCHEMA tasker'
      WHERE EXISTS (
        SELECT 1 FROM pg_class c
        WHERE c.relnamespace = to_regnamespace('tasker') AND c.relname = 'tasks_task_id_seq' AND NOT has_sequence_privilege(c.oid, 'USAGE'))
      UNION ALL
      SELECT 'GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA tasker'
      WHERE EXISTS (
        SELECT 1 FROM pg_proc p
        WHERE p.pronamespace = to_regnamespace('tasker') AND NOT has_function_privilege(p.oid, 'EXECUTE'))""";

  /** The statements that grant what is missing, without {@code TO} and the user; empty if nothing is missing. */
  public List<String> missing(Connection connection) throws SQLException {
    try (PreparedStatement statement = connection.prepareStatement(MISSING);
        ResultSet row = statement.executeQuery()) {
      List<String> missing = new ArrayList<>();
      while (row.next()) {
        missing.add(row.getString(1));
      }
      return missing;
    }
  }
}
