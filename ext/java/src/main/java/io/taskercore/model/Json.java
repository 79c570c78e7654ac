package io.taskercore.model;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * A JSON value as UTF-8 bytes, which the core passes on unread.
 *
 * <p>Payloads, results and error contexts cost one visit on each side of the Ruby boundary and none in between. So the core passes their
 * bytes on, and builds a tree only where it must look inside.
 *
 * <p>The array is shared, not copied: nobody who has a {@code Json} may write to it.
 */
public record Json(byte[] utf8) {

  public static final Json NULL = of("null");
  public static final Json EMPTY_OBJECT = of("{}");
  public static final Json EMPTY_ARRAY = of("[]");

  public static Json of(String text) {
    return new Json(text.getBytes(StandardCharsets.UTF_8));
  }

  public int size() {
    return utf8.length;
  }

  /** The same text as a String, for people and for JDBC, which takes text. */
  public String text() {
    return new String(utf8, StandardCharsets.UTF_8);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Json json && Arrays.equals(utf8, json.utf8);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(utf8);
  }

  /** Shows the size only: a payload may hold what must not get into a log. */
  @Override
  public String toString() {
    return "Json[" + utf8.length + " bytes]";
  }
}
