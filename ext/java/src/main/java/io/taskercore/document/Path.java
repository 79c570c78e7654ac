package io.taskercore.document;

import java.util.regex.Pattern;

/** Where in a document a value is, as its reader would write it: {@code steps[2].retry.max_attempts}. */
public record Path(String text) {

  public static final Path ROOT = new Path("");

  private static final Pattern PLAIN_KEY = Pattern.compile("[\\p{L}\\p{N}_$-]+");
  private static final int SHOWN = 60;

  public Path key(String key) {
    if (!PLAIN_KEY.matcher(key).matches()) {
      return new Path(text + "[\"" + cut(key) + "\"]");
    }
    return new Path(text.isEmpty() ? cut(key) : text + '.' + cut(key));
  }

  public Path index(int index) {
    return new Path(text + '[' + index + ']');
  }

  @Override
  public String toString() {
    return text;
  }

  private static String cut(String key) {
    return key.length() <= SHOWN ? key : key.substring(0, SHOWN) + "…";
  }
}
