package io.taskercore.jruby;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

class PlainTextTest {

  private static final int LONGEST = 27;

  @Test
  void ends_at_whatever_needs_an_escape_wherever_it_stands() {
    for (int unit = 0; unit < 256; unit++) {
      boolean stops = unit < 0x20 || unit == '"' || unit == '\\';
      for (int at = 0; at < LONGEST; at++) {
        byte[] bytes = filled((byte) 'x');
        bytes[at] = (byte) unit;

        assertThat(PlainText.end(bytes, 0, LONGEST)).isEqualTo(stops ? at : LONGEST);
        assertThat(PlainText.end(bytes, at, at)).isEqualTo(at);
      }
    }
  }

  @Test
  void ends_at_the_first_of_several_whatever_stands_around_them() {
    Random random = new Random(7);
    byte[] units = {'"', '\\', 0, 0x1f, 0x20, '!', '#', '[', ']', 0x7f, (byte) 0x80, (byte) 0xa2, (byte) 0xdc, (byte) 0xff};
    for (int i = 0; i < 20_000; i++) {
      byte[] bytes = filled((byte) 'x');
      for (int at = 0; at < LONGEST; at++) {
        bytes[at] = units[random.nextInt(units.length)];
      }
      int from = random.nextInt(LONGEST);

      assertThat(PlainText.end(bytes, from, LONGEST)).isEqualTo(naiveEnd(bytes, from));
    }
  }

  private static int naiveEnd(byte[] bytes, int from) {
    int at = from;
    while (at < bytes.length && bytes[at] != '"' && bytes[at] != '\\' && (bytes[at] & 0xff) >= 0x20) {
      at++;
    }
    return at;
  }

  @Test
  void is_ascii_unless_one_byte_is_not_wherever_it_stands() {
    assertThat(PlainText.isAscii(filled((byte) 0x7f))).isTrue();
    for (int at = 0; at < LONGEST; at++) {
      byte[] bytes = filled((byte) 0x7f);
      bytes[at] = (byte) 0x80;

      assertThat(PlainText.isAscii(bytes)).isFalse();
    }
  }

  @Test
  void knows_utf8_as_the_jdk_does_for_all_short_sequences() {
    for (int first = 0x7f; first < 256; first++) {
      assertKnown(first);
      for (int second = 0x7e; second < 256; second++) {
        assertKnown(first, second);
        for (int third : first < 0xe0 ? new int[0] : new int[] {0x41, 0x7f, 0x80, 0xbf, 0xc0}) {
          assertKnown(first, second, third);
          assertKnown(first, second, third, 0x80);
          assertKnown(first, second, third, 0xc0);
        }
      }
    }
  }

  private static void assertKnown(int... units) {
    byte[] bytes = new byte[units.length];
    for (int i = 0; i < units.length; i++) {
      bytes[i] = (byte) units[i];
    }
    if (PlainText.isUtf8(bytes) != isUtf8ForTheJdk(bytes)) {
      throw new AssertionError(Arrays.toString(bytes));
    }
  }

  private static boolean isUtf8ForTheJdk(byte[] bytes) {
    try {
      StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes));
      return true;
    } catch (CharacterCodingException e) {
      return false;
    }
  }

  private static byte[] filled(byte unit) {
    byte[] bytes = new byte[LONGEST];
    Arrays.fill(bytes, unit);
    return bytes;
  }
}
