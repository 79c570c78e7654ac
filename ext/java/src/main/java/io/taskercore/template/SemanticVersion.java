package io.taskercore.template;

import io.taskercore.model.Format;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A version as semver.org 2.0.0 defines it, in its order of precedence.
 *
 * <p>Build metadata has no precedence there. Here its text decides last, so that the order is total and one of several versions is always
 * the highest.
 */
public final class SemanticVersion implements Comparable<SemanticVersion> {

  public static final int MAX_LENGTH = 128;

  private static final String NUMBER = "(0|[1-9][0-9]*)";
  private static final String IDENTIFIER = "(?:0|[1-9][0-9]*|[0-9]*[a-zA-Z-][0-9a-zA-Z-]*)";
  private static final Pattern FORM =
      Pattern.compile(
          NUMBER + "\\." + NUMBER + "\\." + NUMBER
              + "(?:-(" + IDENTIFIER + "(?:\\." + IDENTIFIER + ")*))?"
              + "(?:\\+([0-9a-zA-Z-]+(?:\\.[0-9a-zA-Z-]+)*))?");

  private static final Comparator<SemanticVersion> ORDER =
      Comparator.comparing((SemanticVersion v) -> v.core, SemanticVersion::compareIdentifiers)
          .thenComparing(v -> v.preRelease, SemanticVersion::comparePreReleases)
          .thenComparing(v -> v.text);

  private final String text;
  private final List<String> core;
  private final List<String> preRelease;

  private SemanticVersion(String text, List<String> core, List<String> preRelease) {
    this.text = text;
    this.core = core;
    this.preRelease = preRelease;
  }

  /** The version; empty if the text is no version, or is longer than 128 characters. */
  public static Optional<SemanticVersion> parse(String text) {
    if (text.length() > MAX_LENGTH) {
      return Optional.empty();
    }
    Matcher matcher = FORM.matcher(text);
    if (!matcher.matches()) {
      return Optional.empty();
    }
    List<String> core = List.of(matcher.group(1), matcher.group(2), matcher.group(3));
    List<String> preRelease = matcher.group(4) == null ? List.of() : List.of(matcher.group(4).split("\\."));
    return Optional.of(new SemanticVersion(text, core, preRelease));
  }

  /** Why the text is no version; null if it is one. */
  static String problem(String text) {
    return parse(text).isPresent() ? null : "must be a semantic version such as \"1.0.0\"";
  }

  /**
   * A text whose byte order is the order of versions, for an index. Build metadata, which orders last, is left out. The text ends in a
   * tilde for a release, and in an exclamation mark for a pre-release.
   */
  public String sortKey() {
    StringBuilder key = new StringBuilder();
    core.forEach(number -> key.append(sortable(number)));
    if (preRelease.isEmpty()) {
      return key.append('~').toString();
    }
    for (String identifier : preRelease) {
      key.append(isNumber(identifier) ? '1' + sortable(identifier) : '2' + identifier).append('!');
    }
    return key.toString();
  }

  /** The longer number is greater, so its length comes first. */
  private static String sortable(String number) {
    return Format.text("%03d%s", number.length(), number);
  }

  @Override
  public int compareTo(SemanticVersion other) {
    return ORDER.compare(this, other);
  }

  private static int comparePreReleases(List<String> a, List<String> b) {
    if (a.isEmpty() || b.isEmpty()) {
      return Boolean.compare(a.isEmpty(), b.isEmpty());
    }
    return compareIdentifiers(a, b);
  }

  private static int compareIdentifiers(List<String> a, List<String> b) {
    for (int i = 0; i < Math.min(a.size(), b.size()); i++) {
      int compared = compareIdentifier(a.get(i), b.get(i));
      if (compared != 0) {
        return compared;
      }
    }
    return Integer.compare(a.size(), b.size());
  }

  /** Numbers by value, before texts; texts by ASCII. Numbers have no leading zeros, so the longer one is greater. */
  private static int compareIdentifier(String a, String b) {
    boolean numberA = isNumber(a);
    boolean numberB = isNumber(b);
    if (numberA && numberB && a.length() != b.length()) {
      return Integer.compare(a.length(), b.length());
    }
    return numberA == numberB ? a.compareTo(b) : Boolean.compare(numberB, numberA);
  }

  private static boolean isNumber(String identifier) {
    return identifier.chars().allMatch(c -> c >= '0' && c <= '9');
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof SemanticVersion version && text.equals(version.text);
  }

  @Override
  public int hashCode() {
    return text.hashCode();
  }

  @Override
  public String toString() {
    return text;
  }
}
