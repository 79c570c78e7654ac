package io.taskercore.jruby;

import io.taskercore.model.Json;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** JSON text that is being written: UTF-8 bytes that grow. */
final class JsonBuffer {

  private static final byte[] HEX = "0123456789abcdef".getBytes(StandardCharsets.US_ASCII);
  private static final byte[] SMALLEST_LONG = "-9223372036854775808".getBytes(StandardCharsets.US_ASCII);

  /** How to escape a character that cannot be written as it is: 'u' means a six-character escape, any other letter follows a backslash. */
  private static final byte[] ESCAPES = escapes();

  private byte[] bytes = new byte[1024];
  private int size;

  private static byte[] escapes() {
    byte[] escapes = new byte[128];
    Arrays.fill(escapes, 0, 0x20, (byte) 'u');
    escapes['"'] = '"';
    escapes['\\'] = '\\';
    escapes['\b'] = 'b';
    escapes['\t'] = 't';
    escapes['\n'] = 'n';
    escapes['\f'] = 'f';
    escapes['\r'] = 'r';
    return escapes;
  }

  int size() {
    return size;
  }

  Json toJson() {
    return new Json(Arrays.copyOf(bytes, size));
  }

  void token(char ascii) {
    reserve(1);
    bytes[size++] = (byte) ascii;
  }

  /** Writes a comma, unless nothing has been written yet to the object or array that was opened with {@code open}. */
  void separate(char open) {
    if (bytes[size - 1] != open) {
      token(',');
    }
  }

  void raw(byte[] source) {
    raw(source, 0, source.length);
  }

  void raw(String ascii) {
    raw(ascii.getBytes(StandardCharsets.US_ASCII));
  }

  /**
   * Writes a JSON string from bytes that are valid UTF-8.
   *
   * @return false if it holds a NUL, which PostgreSQL cannot store; then the text written so far is worthless
   */
  boolean string(byte[] source, int begin, int length) {
    reserve(length + 2);
    bytes[size++] = '"';
    int end = begin + length;
    int from = begin;
    int to = PlainText.end(source, from, end);
    while (to < end) {
      byte unit = source[to];
      if (unit == 0) {
        return false;
      }
      raw(source, from, to - from);
      escape(ESCAPES[unit], unit);
      from = to + 1;
      to = PlainText.end(source, from, end);
    }
    raw(source, from, end - from);
    token('"');
    return true;
  }

  void number(long value) {
    if (value == Long.MIN_VALUE) {
      raw(SMALLEST_LONG);
      return;
    }
    reserve(20);
    long rest = value;
    if (rest < 0) {
      bytes[size++] = '-';
      rest = -rest;
    }
    int end = size + digits(rest);
    size = end;
    do {
      bytes[--end] = (byte) ('0' + rest % 10);
      rest /= 10;
    } while (rest != 0);
  }

  private static int digits(long positive) {
    int digits = 1;
    for (long bound = 10; positive >= bound; bound *= 10) {
      if (++digits == 19) {
        break;
      }
    }
    return digits;
  }

  private void escape(byte escape, byte original) {
    reserve(6);
    bytes[size++] = '\\';
    bytes[size++] = escape;
    if (escape == 'u') {
      bytes[size++] = '0';
      bytes[size++] = '0';
      bytes[size++] = HEX[original >> 4];
      bytes[size++] = HEX[original & 0xf];
    }
  }

  private void raw(byte[] source, int begin, int length) {
    reserve(length);
    System.arraycopy(source, begin, bytes, size, length);
    size += length;
  }

  private void reserve(int room) {
    if (bytes.length - size < room) {
      bytes = Arrays.copyOf(bytes, Math.max(bytes.length * 2, size + room));
    }
  }
}
