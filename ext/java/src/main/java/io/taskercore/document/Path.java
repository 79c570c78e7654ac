package io.taskercore.document;

import io.taskercore.model.Printable;
import java.util.regex.Pattern;

/** Where a value is in a document, as its reader would write it: {@code steps[2].retry.max_attempts}. */
public record Path(String text) {

  public static final Path ROOT = new Path("");

  private static final Pattern PLAIN_KEY = Pattern.compile("[\\p{L}\\p{N}_$-]+");
  private static final int SHOWN = 60;

  /** One step down. A key with characters other than letters, digits and the like is put in brackets and quotes, always on one line. */
  public Path key(String key) {
    if (!PLAIN_KEY.matcher(key).matches()) {
      return new Path(text + '[' + Printable.quoted(key, SHOWN) + ']');
    }
    String shown = Printable.cut(key, SHOWN);
    return new Path(text.isEmpty() ? shown : text + '.' + shown);
  }

  public Path index(int index) {
    return new Path(text + '[' + index + ']');
  }

  @Override
  public String toString() {
    return text;
  }
}
