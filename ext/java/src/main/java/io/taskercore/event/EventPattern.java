package io.taskercore.event;

import io.taskercore.model.Format;
import io.taskercore.model.TaskerException;
import java.util.regex.Pattern;

/**
 * Which events a subscriber hears: with {@code *} all, with {@code task.*} those whose names begin like that, else those of exactly that
 * name.
 */
public final class EventPattern {

  private static final String WORD = "[\\p{L}\\p{N}_-]+";
  private static final Pattern NAME = Pattern.compile(WORD + "(\\." + WORD + ")+");
  private static final Pattern BEGINNING = Pattern.compile("(" + WORD + "\\.)+\\*");
  private static final int MAX_LENGTH = 255;

  private final String text;

  /** What names begin with; null if a name must equal the text. */
  private final String beginning;

  private EventPattern(String text, String beginning) {
    this.text = text;
    this.beginning = beginning;
  }

  /**
   * @throws TaskerException.Validation if it is no pattern, or can match nothing: only the core's own events begin with {@code task.} and
   *     {@code step.}
   */
  public static EventPattern of(String text) {
    if (text.equals("*")) {
      return new EventPattern(text, "");
    }
    if (text.length() <= MAX_LENGTH && BEGINNING.matcher(text).matches()) {
      return new EventPattern(text, text.substring(0, text.length() - 1));
    }
    if (!isName(text)) {
      throw new TaskerException.Validation(
          "pattern", "must be \"*\", words and a star such as \"task.*\", or an event's name such as \"order.refunded\"");
    }
    if (CoreEvents.isReserved(text) && !CoreEvents.namesLike(text).contains(text)) {
      throw new TaskerException.Validation(
          "pattern", Format.text("there is no event %s, only %s", text, String.join(", ", CoreEvents.namesLike(text))));
    }
    return new EventPattern(text, null);
  }

  /** Two words or more, joined by dots. */
  static boolean isName(String text) {
    return text.length() <= MAX_LENGTH && NAME.matcher(text).matches();
  }

  boolean matches(String name) {
    return beginning == null ? name.equals(text) : name.startsWith(beginning);
  }

  @Override
  public String toString() {
    return text;
  }
}
