package io.taskercore.template;

import com.networknt.schema.ExecutionContext;
import com.networknt.schema.SchemaContext;
import com.networknt.schema.format.Format;
import com.networknt.schema.utils.RFC5892;
import java.time.DateTimeException;
import java.time.LocalDateTime;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The validator's formats, corrected where they accept too much or too little. */
final class SchemaFormats {

  /** RFC 3339, appendix A: units in their order, each at most once, weeks alone. */
  private static final Pattern DURATION =
      Pattern.compile(
          "P(?:[0-9]+W|(?=[0-9T])(?:[0-9]+Y)?(?:[0-9]+M)?(?:[0-9]+D)?(?:T(?=[0-9])(?:[0-9]+H)?(?:[0-9]+M)?(?:[0-9]+S)?)?)");

  /** The authority of a URI or of a reference: what stands between two slashes and the next one. */
  private static final Pattern AUTHORITY = Pattern.compile("^(?:[A-Za-z][A-Za-z0-9+.-]*:)?//([^/?#]*)");

  private static final Pattern HOST_AND_PORT = Pattern.compile("(?:\\[[^\\]]*\\]|[^:\\[\\]]*)(?::[0-9]*)?");

  private static final Pattern LEAP_SECOND = Pattern.compile("(.*[Tt ][0-9]{2}:[0-9]{2}):60(.*)");

  private static final Map<String, Predicate<String>> FURTHER =
      Map.of(
          "uri", SchemaFormats::isPortANumber,
          "uri-reference", SchemaFormats::isPortANumber,
          "iri", SchemaFormats::isPortANumber,
          "iri-reference", SchemaFormats::isPortANumber,
          "duration", text -> DURATION.matcher(text).matches(),
          "hostname", SchemaFormats::areItsLabelsNames,
          "idn-hostname", SchemaFormats::areItsLabelsNames);

  private SchemaFormats() {}

  /** The formats that replace those of the validator with the same names. */
  static List<Format> mended(Iterable<Format> formats) {
    List<Format> mended = new ArrayList<>();
    for (Format format : formats) {
      Predicate<String> further = FURTHER.get(format.getName());
      if (further != null) {
        mended.add(new Mended(format, text -> text, further));
      } else if (format.getName().equals("date-time")) {
        mended.add(new Mended(format, SchemaFormats::withoutLeapSecond, text -> true));
      }
    }
    return mended;
  }

  /**
   * A format of the validator with something before and after it.
   *
   * @param before what the validator's format looks at instead of the text
   * @param further what the text must satisfy too
   */
  private record Mended(Format format, UnaryOperator<String> before, Predicate<String> further)
      implements Format {

    @Override
    public String getName() {
      return format.getName();
    }

    @Override
    public String getMessageKey() {
      return format.getMessageKey();
    }

    @Override
    public boolean matches(ExecutionContext run, SchemaContext schema, String text) {
      return text == null || format.matches(run, schema, before.apply(text)) && further.test(text);
    }
  }

  private static boolean isPortANumber(String uri) {
    Matcher authority = AUTHORITY.matcher(uri);
    if (!authority.find()) {
      return true;
    }
    String host = authority.group(1).substring(authority.group(1).lastIndexOf('@') + 1);
    return HOST_AND_PORT.matcher(host).matches();
  }

  private static boolean areItsLabelsNames(String host) {
    for (String label : host.split("[.\u3002\uff0e\uff61]", -1)) {
      if (label.toLowerCase(Locale.ROOT).startsWith("xn--") && !isAName(label.substring("xn--".length()))) {
        return false;
      }
    }
    return true;
  }

  private static boolean isAName(String punycode) {
    return Punycode.decoded(punycode.toLowerCase(Locale.ROOT))
        .filter(name -> name.chars().anyMatch(c -> c > 0x7f) && RFC5892.isValid(name))
        .isPresent();
  }

  /**
   * The validator accepts only the leap seconds that were announced when it was made. There may be one at the end of any month, in UTC. A
   * time with a leap second is therefore checked as the second before.
   */
  private static String withoutLeapSecond(String time) {
    Matcher leap = LEAP_SECOND.matcher(time);
    if (!leap.matches()) {
      return time;
    }
    String before = leap.group(1) + ":59" + leap.group(2);
    try {
      LocalDateTime utc =
          OffsetDateTime.parse(before.toUpperCase(Locale.ROOT)).withOffsetSameInstant(ZoneOffset.UTC).toLocalDateTime();
      boolean atTheEndOfAMonth = utc.plusSeconds(1).getDayOfMonth() == 1 && utc.getHour() == 23 && utc.getMinute() == 59;
      return atTheEndOfAMonth ? before : time;
    } catch (DateTimeException e) {
      return time;
    }
  }
}
