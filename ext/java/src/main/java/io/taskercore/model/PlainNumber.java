package io.taskercore.model;

import java.math.BigDecimal;
import tools.jackson.core.io.NumberOutput;

/**
 * Floating-point numbers as text, in the fewest digits that give the same number again.
 *
 * <p>A number of a usual magnitude is written out, {@code 12345678.5} and not {@code 1.23456785E7}, because people read it in the
 * database, where {@code ->>} shows it as it was written. It always has a fraction, so that it does not come back as an integer.
 */
public final class PlainNumber {

  private static final double LARGEST = 1e15;
  private static final double SMALLEST = 1e-15;

  private PlainNumber() {}

  /**
   * The number in digits if its magnitude is from 10^-15 to 10^15; otherwise with an exponent.
   *
   * @param number must be finite
   */
  public static String of(double number) {
    // The shortest form on every Java, so that equal payloads stay equal. Double.toString gives it only from Java 19 on.
    String shortest = NumberOutput.toString(number, true);
    double magnitude = Math.abs(number);
    if (magnitude > LARGEST || magnitude < SMALLEST || shortest.indexOf('E') < 0) {
      return shortest;
    }
    String plain = new BigDecimal(shortest).stripTrailingZeros().toPlainString();
    return plain.indexOf('.') < 0 ? plain + ".0" : plain;
  }
}
