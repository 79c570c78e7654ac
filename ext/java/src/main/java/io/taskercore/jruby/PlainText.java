package io.taskercore.jruby;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/** Stretches of UTF-8 text, looked at eight bytes at a time: most of what crosses the boundary is text that needs no change. */
final class PlainText {

  private static final VarHandle WORD = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

  private static final long ONES = 0x0101010101010101L;
  private static final long HIGH_BITS = 0x80 * ONES;
  private static final long CONTROLS = 0x20 * ONES;
  private static final long QUOTES = '"' * ONES;
  private static final long BACKSLASHES = '\\' * ONES;

  private PlainText() {}

  /** Where a stretch ends that can stand in a JSON string as it is: at a quote, a backslash, a control character, or {@code to}. */
  static int end(byte[] bytes, int from, int to) {
    int at = from;
    while (at <= to - Long.BYTES) {
      long word = (long) WORD.get(bytes, at);
      // The subtraction sets the high bit of each byte below the bound, and perhaps of some bytes after the first of these.
      long stops = (word - CONTROLS | (word ^ QUOTES) - ONES | (word ^ BACKSLASHES) - ONES) & ~word & HIGH_BITS;
      if (stops != 0) {
        return at + (Long.numberOfTrailingZeros(stops) >>> 3);
      }
      at += Long.BYTES;
    }
    while (at < to && !isStop(bytes[at])) {
      at++;
    }
    return at;
  }

  private static boolean isStop(byte unit) {
    return unit == '"' || unit == '\\' || unit >= 0 && unit < 0x20;
  }

  static boolean isAscii(byte[] bytes) {
    int at = 0;
    long seen = 0;
    for (; at <= bytes.length - Long.BYTES; at += Long.BYTES) {
      seen |= (long) WORD.get(bytes, at);
    }
    for (; at < bytes.length; at++) {
      seen |= bytes[at];
    }
    return (seen & HIGH_BITS) == 0;
  }

  /** Whether the bytes are strictly valid UTF-8: nothing cut short or overlong, no surrogates, nothing beyond U+10FFFF. */
  static boolean isUtf8(byte[] bytes) {
    int at = 0;
    while (at < bytes.length) {
      int length = bytes[at] >= 0 ? 1 : sequence(bytes, at);
      if (length == 0) {
        return false;
      }
      at += length;
    }
    return true;
  }

  /** The length of the sequence that begins here with a byte beyond ASCII; 0 if there is no valid one. */
  private static int sequence(byte[] bytes, int at) {
    int lead = bytes[at] & 0xff;
    int length = lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
    if (length == 0 || at + length > bytes.length) {
      return 0;
    }
    int second = bytes[at + 1] & 0xff;
    int lowest = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    int highest = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    if (second < lowest || second > highest) {
      return 0;
    }
    for (int i = at + 2; i < at + length; i++) {
      if ((bytes[i] & 0xc0) != 0x80) {
        return 0;
      }
    }
    return length;
  }
}
