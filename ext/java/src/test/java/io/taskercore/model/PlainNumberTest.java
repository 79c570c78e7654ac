package io.taskercore.model;

import static org.assertj.core.api.Assertions.assertThat;

import java.math.BigDecimal;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PlainNumberTest {

  @ParameterizedTest
  @CsvSource({
    "12345678.5, 12345678.5",
    "-12345678.5, -12345678.5",
    "1e7, 10000000.0",
    "0.00012, 0.00012",
    "1e15, 1000000000000000.0",
    "1.5e15, 1.5E15",
    "1e-15, 0.000000000000001",
    "9e-16, 9.0E-16",
    "1e20, 1.0E20",
    "0.0, 0.0",
    "-0.0, -0.0",
    "1.0, 1.0",
    "4.9e-324, 4.9E-324",
    "1.7976931348623157e308, 1.7976931348623157E308"
  })
  void a_number_of_a_usual_magnitude_is_written_out(double number, String text) {
    assertThat(PlainNumber.of(number)).isEqualTo(text);
  }

  @Test
  void whatever_is_written_is_the_same_number_in_the_fewest_digits() {
    Random random = new Random(11);
    for (int i = 0; i < 200_000; i++) {
      double number = i % 2 == 0 ? Double.longBitsToDouble(random.nextLong()) : random.nextGaussian() * Math.pow(10, random.nextInt(40) - 20);
      if (!Double.isFinite(number)) {
        continue;
      }
      String text = PlainNumber.of(number);
      BigDecimal written = new BigDecimal(text);

      assertThat(Double.doubleToRawLongBits(Double.parseDouble(text))).as(text).isEqualTo(Double.doubleToRawLongBits(number));
      assertThat(written.stripTrailingZeros().precision()).as(text).isLessThanOrEqualTo(17);
      assertThat(text.chars().anyMatch(c -> c == '.')).as("a fraction, so that it stays a Float: %s", text).isTrue();
      double magnitude = Math.abs(number);
      assertThat(text.contains("E")).as(text).isEqualTo(magnitude != 0 && (magnitude > 1e15 || magnitude < 1e-15));
    }
  }
}
