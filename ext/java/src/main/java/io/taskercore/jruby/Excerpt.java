package io.taskercore.jruby;

import java.util.regex.Pattern;

/** As much of a text of the application's as is shown, as PostgreSQL and JSON can hold it. */
final class Excerpt {

  /** NUL, and half of a surrogate pair: a pair is one code point, and so no match. */
  private static final Pattern UNSTORABLE = Pattern.compile("[\\x00\\p{Cs}]");

  private Excerpt() {}

  static String of(String text, int maxLength) {
    return UNSTORABLE.matcher(cut(text, maxLength)).replaceAll("\uFFFD");
  }

  private static String cut(String text, int maxLength) {
    if (text.length() <= maxLength) {
      return text;
    }
    int end = Character.isHighSurrogate(text.charAt(maxLength - 1)) ? maxLength - 1 : maxLength;
    return text.substring(0, end) + "…";
  }
}
