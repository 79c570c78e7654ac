package io.taskercore.template;

import java.util.Optional;

/** Names of hosts beyond ASCII, as RFC 3492 writes them in ASCII. Java's own decoder follows an older standard, without ß. */
final class Punycode {

  private static final int BASE = 36;
  private static final int LEAST = 1;
  private static final int MOST = 26;
  private static final int SKEW = 38;
  private static final int DAMP = 700;
  private static final int FIRST_BIAS = 72;
  private static final int FIRST_CODE_POINT = 0x80;

  private Punycode() {}

  /** The text that is written in Punycode; empty if it is no valid Punycode. */
  static Optional<String> decoded(String punycode) {
    int delimiter = punycode.lastIndexOf('-');
    StringBuilder text = new StringBuilder(delimiter > 0 ? punycode.substring(0, delimiter) : "");
    int at = delimiter > 0 ? delimiter + 1 : 0;
    int count = text.length();
    long codePoint = FIRST_CODE_POINT;
    long position = 0;
    int bias = FIRST_BIAS;
    while (at < punycode.length()) {
      long before = position;
      long weight = 1;
      for (int k = BASE; ; k += BASE) {
        int digit = at < punycode.length() ? digit(punycode.charAt(at++)) : -1;
        if (digit < 0 || weight > Integer.MAX_VALUE) {
          return Optional.empty();
        }
        position += digit * weight;
        int threshold = Math.max(LEAST, Math.min(MOST, k - bias));
        if (digit < threshold) {
          break;
        }
        weight *= BASE - threshold;
      }
      count++;
      bias = adapted(position - before, count, before == 0);
      codePoint += position / count;
      position %= count;
      if (codePoint > Character.MAX_CODE_POINT) {
        return Optional.empty();
      }
      text.insert(text.offsetByCodePoints(0, (int) position), Character.toString((int) codePoint));
      position++;
    }
    return Optional.of(text.toString());
  }

  private static int digit(char letter) {
    if (letter >= 'a' && letter <= 'z') {
      return letter - 'a';
    }
    return letter >= '0' && letter <= '9' ? letter - '0' + MOST : -1;
  }

  private static int adapted(long delta, int count, boolean first) {
    long rest = first ? delta / DAMP : delta / 2;
    rest += rest / count;
    int k = 0;
    while (rest > (BASE - LEAST) * MOST / 2) {
      rest /= BASE - LEAST;
      k += BASE;
    }
    return (int) (k + (BASE - LEAST + 1) * rest / (rest + SKEW));
  }
}
