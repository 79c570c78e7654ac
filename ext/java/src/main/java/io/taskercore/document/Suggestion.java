package io.taskercore.document;

import java.util.Arrays;
import java.util.Collection;
import java.util.Comparator;
import java.util.Locale;
import java.util.Optional;
import java.util.function.IntPredicate;

/** Guesses what a mistyped name was meant to be. */
public final class Suggestion {

  private static final int SHORTEST_PART = 3;
  private static final int SHORTEST_START = 4;

  /** Longer names are not compared: the cost is the product of the lengths, and nobody mistypes a name of three hundred characters. */
  private static final int LONGEST_COMPARED = 100;

  private Suggestion() {}

  /** {@code "; did you mean x?"} for the nearest of the known names, or an empty string where none is near. */
  public static String forName(String name, Collection<String> known) {
    String nearest = nearest(name, known);
    return nearest == null ? "" : "; did you mean " + nearest + "?";
  }

  /**
   * The known name that was meant, or null. This is stricter than {@link #forName}, because the name may well be right elsewhere. A known
   * name is meant if its letters and digits are the same, whatever stands between them. It is also meant if they differ by one slip and
   * the digits are the same: among numbered names, each number is another name.
   */
  public static String mistyped(String name, Collection<String> known) {
    String given = bare(name);
    if (given.isEmpty() || given.length() > LONGEST_COMPARED) {
      return null;
    }
    String nearest = null;
    for (String candidate : known) {
      String bare = bare(candidate);
      if (bare.equals(given)) {
        return candidate;
      }
      boolean near = given.length() >= SHORTEST_START
          && Math.abs(bare.length() - given.length()) <= 1
          && digits(bare).equals(digits(given))
          && distance(given, bare) == 1;
      if (near && nearest == null) {
        nearest = candidate;
      }
    }
    return nearest;
  }

  private static String bare(String name) {
    return kept(name.toLowerCase(Locale.ROOT), Character::isLetterOrDigit);
  }

  private static String digits(String name) {
    return kept(name, Character::isDigit);
  }

  private static String kept(String name, IntPredicate wanted) {
    return name.codePoints()
        .filter(wanted)
        .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
        .toString();
  }

  /**
   * The known name of which this one is most likely a slip: in other capitals, with other separators, with two letters swapped, or with
   * one or two wrong. Much stricter than {@link #forName}, for names that may well be meant as they are.
   */
  public static Optional<String> slip(String name, Collection<String> known) {
    String given = plain(name);
    if (given.length() > LONGEST_COMPARED) {
      return Optional.empty();
    }
    int tolerated = given.startsWith("$") ? 1 : given.length() < 5 ? 0 : given.length() < 8 ? 1 : 2;
    return known.stream()
        .filter(candidate -> {
          String other = plain(candidate);
          int slips = distance(given, other);
          return slips <= tolerated || slips == 1 && given.length() == other.length() && isAnagram(given, other);
        })
        .min(Comparator.comparingInt(candidate -> distance(given, plain(candidate))));
  }

  private static String plain(String name) {
    return name.toLowerCase(Locale.ROOT).replaceAll("[-_ ]", "");
  }

  private static boolean isAnagram(String a, String b) {
    return Arrays.equals(a.chars().sorted().toArray(), b.chars().sorted().toArray());
  }

  private static String nearest(String name, Collection<String> known) {
    String given = name.toLowerCase(Locale.ROOT).replace('-', '_');
    if (given.length() > LONGEST_COMPARED) {
      return null;
    }
    String nearest = null;
    // One slip in three letters: among shorter names every other one would be near.
    int best = Math.min(3, given.length() / 3) + 1;
    for (String candidate : known) {
      if (Math.abs(candidate.length() - given.length()) >= best) {
        continue;
      }
      int distance = distance(given, candidate.toLowerCase(Locale.ROOT));
      if (distance < best) {
        best = distance;
        nearest = candidate;
      }
    }
    return nearest != null ? nearest : sharingAPart(given, known);
  }

  /** Finds {@code timeout_ms} for {@code timeout}, and {@code retry} for {@code retries}. */
  private static String sharingAPart(String given, Collection<String> known) {
    for (String candidate : known) {
      String lower = candidate.toLowerCase(Locale.ROOT);
      boolean contained = given.length() >= SHORTEST_PART && lower.contains(given);
      boolean containing = lower.length() >= SHORTEST_PART && given.contains(lower);
      boolean alike = given.length() >= SHORTEST_START && lower.startsWith(given.substring(0, SHORTEST_START));
      if (contained || containing || alike) {
        return candidate;
      }
    }
    return null;
  }

  /** The Levenshtein distance; two neighbours that changed places count once. */
  static int distance(String a, String b) {
    int[][] d = new int[a.length() + 1][b.length() + 1];
    for (int i = 0; i <= a.length(); i++) {
      d[i][0] = i;
    }
    for (int j = 0; j <= b.length(); j++) {
      d[0][j] = j;
    }
    for (int i = 1; i <= a.length(); i++) {
      for (int j = 1; j <= b.length(); j++) {
        int replaced = d[i - 1][j - 1] + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
        d[i][j] = Math.min(replaced, 1 + Math.min(d[i - 1][j], d[i][j - 1]));
        boolean swapped =
            i > 1 && j > 1 && a.charAt(i - 1) == b.charAt(j - 2) && a.charAt(i - 2) == b.charAt(j - 1);
        if (swapped) {
          d[i][j] = Math.min(d[i][j], 1 + d[i - 2][j - 2]);
        }
      }
    }
    return d[a.length()][b.length()];
  }
}
