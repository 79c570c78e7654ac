package io.taskercore.jruby;

import io.taskercore.model.Printable;
import java.util.regex.Pattern;

/** The part of a text of the application that is shown, in a form that PostgreSQL and JSON can hold. */
final class Excerpt {

  /** NUL, and half of a surrogate pair: a whole pair is one code point, and so no match. */
  private static final Pattern UNSTORABLE = Pattern.compile("[\\x00\\p{Cs}]");

  private Excerpt() {}

  static String of(String text, int maxLength) {
    return UNSTORABLE.matcher(Printable.cut(text, maxLength)).replaceAll("\uFFFD");
  }
}
