package io.taskercore.model;

/**
 * Text for one line of a message or a log. Characters that would leave the line, colour a terminal or look like something else are
 * written as escapes, as in Java and JSON: a payload's key must not be able to forge a line of the log.
 */
public final class Printable {

  /** Words of some languages, and some emojis, contain these characters. */
  private static final int ZERO_WIDTH_JOINER = 0x200d;

  private static final int ZERO_WIDTH_NON_JOINER = 0x200c;

  private Printable() {}

  /** The text with its control characters, line separators, invisible formatting and halves of surrogate pairs escaped. */
  public static String of(String text) {
    int clean = 0;
    while (clean < text.length() && shows(text, clean)) {
      clean += Character.charCount(text.codePointAt(clean));
    }
    if (clean == text.length()) {
      return text;
    }
    StringBuilder shown = new StringBuilder(text.length() + 16).append(text, 0, clean);
    for (int i = clean; i < text.length(); i += Character.charCount(text.codePointAt(i))) {
      if (shows(text, i)) {
        shown.appendCodePoint(text.codePointAt(i));
      } else {
        escape(text, i, shown);
      }
    }
    return shown.toString();
  }

  /** The same for text between quotes: quotes and backslashes are escaped too, and longer text is cut. */
  public static String quoted(String text, int maxLength) {
    return '"' + of(cut(text, maxLength).replace("\\", "\\\\").replace("\"", "\\\"")) + '"';
  }

  /** At most this many characters of the text, without splitting a surrogate pair; an ellipsis stands for the rest. */
  public static String cut(String text, int maxLength) {
    if (text.length() <= maxLength) {
      return text;
    }
    int end = Character.isHighSurrogate(text.charAt(maxLength - 1)) ? maxLength - 1 : maxLength;
    return text.substring(0, end) + "…";
  }

  private static boolean shows(String text, int at) {
    int character = text.codePointAt(at);
    if (character == ZERO_WIDTH_JOINER || character == ZERO_WIDTH_NON_JOINER) {
      return true;
    }
    return switch (Character.getType(character)) {
      case Character.CONTROL, Character.FORMAT, Character.LINE_SEPARATOR, Character.PARAGRAPH_SEPARATOR, Character.SURROGATE -> false;
      default -> true;
    };
  }

  private static void escape(String text, int at, StringBuilder shown) {
    char first = text.charAt(at);
    switch (first) {
      case '\n' -> shown.append("\\n");
      case '\r' -> shown.append("\\r");
      case '\t' -> shown.append("\\t");
      default -> {
        for (int i = at; i < at + Character.charCount(text.codePointAt(at)); i++) {
          shown.append("\\u");
          String hex = Integer.toHexString(text.charAt(i));
          shown.append("0".repeat(4 - hex.length())).append(hex);
        }
      }
    }
  }
}
