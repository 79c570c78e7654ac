package io.taskercore.model;

import java.util.Locale;

/** Texts with values in them, the same everywhere. A JVM may by default use digits that are valid neither in SQL nor in keys. */
public final class Format {

  private Format() {}

  /** As {@link String#format}, in the program's own locale and not in the JVM's. */
  public static String text(String format, Object... values) {
    return String.format(Locale.ROOT, format, values);
  }
}
