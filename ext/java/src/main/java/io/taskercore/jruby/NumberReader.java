package io.taskercore.jruby;

import java.nio.charset.StandardCharsets;
import org.jruby.Ruby;
import org.jruby.RubyBignum;
import org.jruby.runtime.builtin.IRubyObject;
import tools.jackson.core.io.NumberInput;

/** The numbers of a JSON text: an Integer of any size, or a Float where there is a fraction or an exponent. */
final class NumberReader {

  /** This many digits always fit into a long. */
  private static final int LONG_DIGITS = 18;

  /** Below this every integer is a double of its own. */
  private static final long EXACT_INTEGERS = 1L << 53;

  /** The powers of ten that doubles hold exactly. */
  private static final double[] POWERS_OF_TEN = {
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22
  };

  /** Far beyond any useful exponent, and far below the largest int. */
  private static final int MAX_EXPONENT = 100_000_000;

  private final Ruby runtime;
  private final JsonText text;

  /**
   * For the number that is being read: its digits as one integer, which is worthless if there are too many, and how many digits there
   * are.
   */
  private long digits;

  private int count;

  NumberReader(Ruby runtime, JsonText text) {
    this.runtime = runtime;
    this.text = text;
  }

  IRubyObject read() {
    int begin = text.at;
    boolean negative = next() == '-';
    if (negative) {
      text.at++;
    }
    boolean leadingZero = next() == '0';
    digits = 0;
    count = 0;
    digits();
    if (leadingZero && count > 1) {
      text.at -= count - 1;
      throw text.unexpected();
    }
    byte next = next();
    if (next == '.' || next == 'e' || next == 'E') {
      return runtime.newFloat(floating(begin, negative));
    } else if (count <= LONG_DIGITS) {
      return runtime.newFixnum(negative ? -digits : digits);
    }
    return RubyBignum.bignorm(runtime, NumberInput.parseBigInteger(since(begin), true));
  }

  private double floating(int begin, boolean negative) {
    int exponent = 0;
    if (next() == '.') {
      text.at++;
      int before = count;
      digits();
      exponent = before - count;
    }
    if (next() == 'e' || next() == 'E') {
      text.at++;
      exponent += exponent();
    }
    if (count <= LONG_DIGITS && digits < EXACT_INTEGERS && Math.abs(exponent) < POWERS_OF_TEN.length) {
      // Both are exact, and one operation rounds once: the result is the nearest double.
      double magnitude = exponent < 0 ? digits / POWERS_OF_TEN[-exponent] : digits * POWERS_OF_TEN[exponent];
      return negative ? -magnitude : magnitude;
    }
    double number = NumberInput.parseDouble(since(begin), true);
    if (Double.isInfinite(number)) {
      throw new UnreadableJson("a number beyond the range of Float", begin);
    }
    return number;
  }

  private int exponent() {
    boolean negative = next() == '-';
    if (negative || next() == '+') {
      text.at++;
    }
    long mantissa = digits;
    int mantissaCount = count;
    digits = 0;
    count = 0;
    digits();
    int exponent = count > LONG_DIGITS || digits > MAX_EXPONENT ? MAX_EXPONENT : (int) digits;
    digits = mantissa;
    count = mantissaCount;
    return negative ? -exponent : exponent;
  }

  /** Reads one or more digits. */
  private void digits() {
    byte[] bytes = text.bytes;
    int begin = text.at;
    int i = begin;
    long sum = digits;
    for (; i < bytes.length; i++) {
      int digit = bytes[i] - '0';
      if (digit < 0 || digit > 9) {
        break;
      }
      sum = sum * 10 + digit;
    }
    digits = sum;
    count += i - begin;
    text.at = i;
    if (i == begin) {
      throw text.unexpected();
    }
  }

  /** The next byte, whatever it is; NUL at the end. */
  private byte next() {
    return text.at < text.bytes.length ? text.bytes[text.at] : 0;
  }

  private String since(int begin) {
    return new String(text.bytes, begin, text.at - begin, StandardCharsets.US_ASCII);
  }
}
