package io.taskercore.document;

import java.util.regex.Pattern;

/** What strings may hold. */
public final class Texts {

  public static final int MAX_LENGTH = 255;

  private static final Pattern NAME = Pattern.compile("[\\p{L}\\p{N}_][\\p{L}\\p{M}\\p{N}_.:/-]*");

  private Texts() {}

  /** Why PostgreSQL cannot store the text; null if it can. */
  public static String unstorable(String text) {
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c == 0) {
        return "must not contain a NUL character";
      }
      if (!Character.isSurrogate(c)) {
        continue;
      }
      boolean paired =
          Character.isHighSurrogate(c) && i + 1 < text.length() && Character.isLowSurrogate(text.charAt(i + 1));
      if (!paired) {
        return "must be valid Unicode, but holds half of a surrogate pair";
      }
      i++;
    }
    return null;
  }

  /** Why the text cannot name a namespace, a template or a step; null if it can. */
  public static String badName(String text) {
    String problem = badLabel(text, MAX_LENGTH);
    if (problem == null && !NAME.matcher(text).matches()) {
      return "must begin with a letter, a digit or _, and go on with these or any of . : / -";
    }
    return problem;
  }

  /** Why the text cannot be a one-line label, such as a handler's name, a tag or an idempotency key; null if it can. */
  public static String badLabel(String text, int maxLength) {
    if (text.isBlank()) {
      return "must not be empty";
    }
    if (text.length() > maxLength) {
      return "must be at most " + maxLength + " characters long, but has " + text.length();
    }
    if (text.chars().anyMatch(Character::isISOControl)) {
      return "must not contain control characters";
    }
    return null;
  }
}
