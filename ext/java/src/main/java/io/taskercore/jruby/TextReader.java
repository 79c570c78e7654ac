package io.taskercore.jruby;

import java.util.Arrays;
import org.jcodings.specific.UTF8Encoding;
import org.jruby.Ruby;
import org.jruby.RubyString;
import org.jruby.util.ByteList;
import org.jruby.util.StringSupport;

/** The strings of a JSON text, read from bytes directly into Ruby Strings in UTF-8. */
final class TextReader {

  private final Ruby runtime;
  private final JsonText text;
  private final KeyCache keys;

  /** Where strings with escapes are put together. */
  private byte[] unescaped;

  private int size;

  TextReader(Ruby runtime, JsonText text, KeyCache keys) {
    this.runtime = runtime;
    this.text = text;
    this.keys = keys;
  }

  /** A new String, read from the quote that comes next. */
  RubyString value() {
    int begin = text.at + 1;
    int end = PlainText.end(text.bytes, begin, text.bytes.length);
    byte[] own = isQuote(end) ? Arrays.copyOfRange(text.bytes, begin, end) : unescape(begin, end);
    text.at = isQuote(end) ? end + 1 : text.at;
    return string(own, begin);
  }

  /** A frozen String; equal keys give the same String. */
  RubyString key() {
    byte[] bytes = text.bytes;
    int begin = text.at + 1;
    int hash = 0;
    int end = begin;
    while (end < bytes.length && bytes[end] != '"' && bytes[end] != '\\' && (bytes[end] < 0 || bytes[end] >= ' ')) {
      hash = hash * 31 + bytes[end];
      end++;
    }
    if (isQuote(end)) {
      text.at = end + 1;
      RubyString known = keys.find(bytes, begin, end, hash);
      return known != null ? known : keys.add(hash, frozen(string(Arrays.copyOfRange(bytes, begin, end), begin)));
    }
    return frozen(string(unescape(begin, end), begin));
  }

  private RubyString frozen(RubyString key) {
    return runtime.freezeAndDedupString(key);
  }

  private boolean isQuote(int at) {
    return at < text.bytes.length && text.bytes[at] == '"';
  }

  private RubyString string(byte[] own, int begin) {
    int codeRange = StringSupport.CR_7BIT;
    if (!PlainText.isAscii(own)) {
      if (!PlainText.isUtf8(own)) {
        throw new UnreadableJson("a string that is not valid UTF-8", begin);
      }
      codeRange = StringSupport.CR_VALID;
    }
    RubyString string = RubyString.newStringNoCopy(runtime, new ByteList(own, UTF8Encoding.INSTANCE, false));
    string.setCodeRange(codeRange);
    return string;
  }

  /** A string of which the part up to {@code plainEnd} needs no change; also reads its closing quote. */
  private byte[] unescape(int begin, int plainEnd) {
    size = 0;
    int from = begin;
    int to = plainEnd;
    while (true) {
      append(from, to);
      text.at = to;
      if (isQuote(to)) {
        text.at++;
        return Arrays.copyOf(unescaped, size);
      }
      if (to == text.bytes.length || text.bytes[to] != '\\') {
        throw text.unexpected();
      }
      text.at++;
      append(escaped());
      from = text.at;
      to = PlainText.end(text.bytes, from, text.bytes.length);
    }
  }

  /** The code point that the escape after the backslash stands for. */
  private int escaped() {
    byte letter = text.at < text.bytes.length ? text.bytes[text.at] : 0;
    int meant =
        switch (letter) {
          case '"', '\\', '/' -> letter;
          case 'b' -> '\b';
          case 'f' -> '\f';
          case 'n' -> '\n';
          case 'r' -> '\r';
          case 't' -> '\t';
          case 'u' -> 'u';
          default -> throw text.unexpected();
        };
    text.at++;
    return letter == 'u' ? codePoint() : meant;
  }

  private int codePoint() {
    int begin = text.at;
    int unit = fourDigits();
    if (!Character.isSurrogate((char) unit)) {
      return unit;
    }
    if (Character.isHighSurrogate((char) unit)) {
      text.expect("\\u");
      int low = fourDigits();
      if (Character.isLowSurrogate((char) low)) {
        return Character.toCodePoint((char) unit, (char) low);
      }
    }
    throw new UnreadableJson("half of a surrogate pair", begin);
  }

  private int fourDigits() {
    int unit = 0;
    for (int i = 0; i < 4; i++, text.at++) {
      int digit = text.at < text.bytes.length ? hexadecimal(text.bytes[text.at]) : -1;
      if (digit < 0) {
        throw text.unexpected();
      }
      unit = unit << 4 | digit;
    }
    return unit;
  }

  /** -1 for a byte that is no digit; {@code Character.digit} would accept digits of all scripts. */
  private static int hexadecimal(byte unit) {
    if (unit >= '0' && unit <= '9') {
      return unit - '0';
    }
    int letter = unit | 0x20;
    return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
  }

  private void append(int from, int to) {
    reserve(to - from);
    System.arraycopy(text.bytes, from, unescaped, size, to - from);
    size += to - from;
  }

  private void append(int codePoint) {
    reserve(4);
    if (codePoint < 0x80) {
      unescaped[size++] = (byte) codePoint;
    } else if (codePoint < 0x800) {
      unescaped[size++] = (byte) (0xc0 | codePoint >> 6);
      unescaped[size++] = continuation(codePoint);
    } else if (codePoint < 0x10000) {
      unescaped[size++] = (byte) (0xe0 | codePoint >> 12);
      unescaped[size++] = continuation(codePoint >> 6);
      unescaped[size++] = continuation(codePoint);
    } else {
      unescaped[size++] = (byte) (0xf0 | codePoint >> 18);
      unescaped[size++] = continuation(codePoint >> 12);
      unescaped[size++] = continuation(codePoint >> 6);
      unescaped[size++] = continuation(codePoint);
    }
  }

  private static byte continuation(int bits) {
    return (byte) (0x80 | bits & 0x3f);
  }

  private void reserve(int room) {
    if (unescaped == null) {
      unescaped = new byte[Math.max(128, room)];
    } else if (unescaped.length - size < room) {
      unescaped = Arrays.copyOf(unescaped, Math.max(unescaped.length * 2, size + room));
    }
  }
}
