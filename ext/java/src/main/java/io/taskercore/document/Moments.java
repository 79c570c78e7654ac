package io.taskercore.document;

import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.Year;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeFormatterBuilder;
import java.time.format.DateTimeParseException;
import java.time.temporal.ChronoField;
import java.util.List;
import java.util.Locale;

/** Moments as other systems write them: ISO 8601 with its offset from UTC, and the three forms of a date in HTTP. */
public final class Moments {

  /** RFC 9110: a year of two digits that would be more than 50 years ahead lies in the past. */
  private static final int FIRST_SHORT_YEAR = Year.now(ZoneOffset.UTC).getValue() - 49;

  private static final List<DateTimeFormatter> FORMS = List.of(
      DateTimeFormatter.ISO_OFFSET_DATE_TIME,
      // The offset without a colon, as strftime("%z") writes it.
      new DateTimeFormatterBuilder()
          .parseCaseInsensitive()
          .append(DateTimeFormatter.ISO_LOCAL_DATE_TIME)
          .appendPattern("[XX][X]")
          .toFormatter(Locale.US),
      DateTimeFormatter.ofPattern("uuuuMMdd'T'HHmmss[XX][X]", Locale.US),
      DateTimeFormatter.RFC_1123_DATE_TIME,
      new DateTimeFormatterBuilder()
          .appendPattern("EEEE, dd-MMM-")
          .appendValueReduced(ChronoField.YEAR, 2, 2, FIRST_SHORT_YEAR)
          .appendPattern(" HH:mm:ss 'GMT'")
          .parseDefaulting(ChronoField.OFFSET_SECONDS, 0)
          .toFormatter(Locale.US),
      new DateTimeFormatterBuilder()
          .appendPattern("EEE MMM ppd HH:mm:ss uuuu")
          .parseDefaulting(ChronoField.OFFSET_SECONDS, 0)
          .toFormatter(Locale.US));

  private Moments() {}

  /** Null for a text in none of these forms. */
  public static Instant parse(String text) {
    for (DateTimeFormatter form : FORMS) {
      try {
        return OffsetDateTime.parse(text, form).toInstant();
      } catch (DateTimeParseException e) {
        // It may have another form.
      }
    }
    return null;
  }
}
