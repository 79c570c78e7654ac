package io.taskercore.store;

import io.taskercore.model.Json;
import java.sql.Array;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.function.Function;

/** Columns to the core's types, and collections to SQL arrays. */
final class Rows {

  private Rows() {}

  static Json json(ResultSet row, String column) throws SQLException {
    byte[] utf8 = row.getBytes(column);
    return utf8 == null ? null : new Json(utf8);
  }

  static Instant instant(ResultSet row, String column) throws SQLException {
    OffsetDateTime at = row.getObject(column, OffsetDateTime.class);
    return at == null ? null : at.toInstant();
  }

  static Long longOrNull(ResultSet row, String column) throws SQLException {
    long value = row.getLong(column);
    return row.wasNull() ? null : value;
  }

  static Integer intOrNull(ResultSet row, String column) throws SQLException {
    int value = row.getInt(column);
    return row.wasNull() ? null : value;
  }

  /** Places in an array, which begin at 1 in PostgreSQL and at 0 here; none if the column is null. */
  static List<Integer> places(ResultSet row, String column) throws SQLException {
    Array array = row.getArray(column);
    return array == null ? List.of() : Arrays.stream((Integer[]) array.getArray()).map(place -> place - 1).toList();
  }

  static List<Integer> ordinals(ResultSet row, String column) throws SQLException {
    Array array = row.getArray(column);
    return array == null ? List.of() : Arrays.stream((Short[]) array.getArray()).map(Short::intValue).toList();
  }

  static List<String> texts(ResultSet row, String column) throws SQLException {
    return List.of((String[]) row.getArray(column).getArray());
  }

  static Array bigints(Connection connection, Collection<Long> values) throws SQLException {
    return connection.createArrayOf("bigint", values.toArray());
  }

  static Array booleans(Connection connection, Collection<Boolean> values) throws SQLException {
    return connection.createArrayOf("boolean", values.toArray());
  }

  static Array texts(Connection connection, Collection<String> values) throws SQLException {
    return connection.createArrayOf("text", values.toArray());
  }

  /** One column of a set of records, for UNNEST; {@code type} is PostgreSQL's name for the element. */
  static <T> Array column(Connection connection, String type, List<T> records, Function<T, Object> value)
      throws SQLException {
    Object[] values = new Object[records.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = value.apply(records.get(i));
    }
    return connection.createArrayOf(type, values);
  }

  static String text(Json json) {
    return json == null ? null : json.text();
  }
}
