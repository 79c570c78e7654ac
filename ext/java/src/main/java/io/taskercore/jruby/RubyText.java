package io.taskercore.jruby;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.Charset;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import org.jcodings.Encoding;
import org.jcodings.specific.ASCIIEncoding;
import org.jcodings.specific.USASCIIEncoding;
import org.jcodings.specific.UTF8Encoding;
import org.jruby.RubyString;
import org.jruby.util.ByteList;

/**
 * A String of the application or of JRuby as text that people can read, whatever its bytes are. It is for messages and backtraces, which
 * must be reported in any case. A value that must come back unchanged is written by {@link ValueWriter}, which refuses bytes that are no
 * text.
 */
final class RubyText {

  private static final HexFormat HEX = HexFormat.of().withUpperCase();

  private RubyText() {}

  /** Bytes that are no text are shown as {@code \xE9}. JRuby 9.4 itself labels the UTF-8 in the lines of a backtrace as US-ASCII. */
  static String of(RubyString string) {
    ByteList bytes = string.getByteList();
    ByteBuffer buffer = ByteBuffer.wrap(bytes.unsafeBytes(), bytes.begin(), bytes.realSize());
    Charset charset = charset(string.getEncoding());
    if (charset != null) {
      try {
        return charset.newDecoder().decode(buffer.duplicate()).toString();
      } catch (CharacterCodingException broken) {
        // Its bytes are shown below.
      }
    }
    return utf8(buffer);
  }

  /** Null if the encoding says nothing, or if Java does not know it. */
  private static Charset charset(Encoding encoding) {
    if (encoding == UTF8Encoding.INSTANCE || encoding == ASCIIEncoding.INSTANCE || encoding == USASCIIEncoding.INSTANCE) {
      return null;
    }
    try {
      return encoding.isDummy() ? null : encoding.getCharset();
    } catch (IllegalArgumentException unknown) {
      return null;
    }
  }

  private static String utf8(ByteBuffer bytes) {
    CharsetDecoder decoder = StandardCharsets.UTF_8.newDecoder();
    CharBuffer chars = CharBuffer.allocate(bytes.remaining());
    StringBuilder text = new StringBuilder(bytes.remaining());
    while (true) {
      CoderResult result = decoder.decode(bytes, chars, true);
      text.append(chars.flip());
      if (!result.isMalformed()) {
        return text.toString();
      }
      chars.clear();
      for (int i = 0; i < result.length(); i++) {
        text.append("\\x").append(HEX.toHexDigits(bytes.get()));
      }
    }
  }
}
