package io.taskercore.model;

import java.util.Locale;

/** Texts with values in them, the same everywhere: a JVM may have digits of its own by default, which are neither SQL nor keys. */
public final class Format {

  private Format() {}

  /** As {@link String#format}, in the language of the program and not in that of the JVM. */
  public static String text(String format, Object... values) {
    return String.format(Locale.ROOT, format, values);
  }
}
