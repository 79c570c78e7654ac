package io.taskercore.jruby;

/** JSON text that is being read: UTF-8 bytes, and how far they were read. */
final class JsonText {

  private static final byte NOTHING = 0;

  final byte[] bytes;

  /** The next byte to be read. */
  int at;

  JsonText(byte[] bytes) {
    this.bytes = bytes;
  }

  /** The next byte that is not white space; it stays unread. NUL at the end, where no token may begin either. */
  byte peek() {
    int i = at;
    while (i < bytes.length && isSpace(bytes[i])) {
      i++;
    }
    at = i;
    return i < bytes.length ? bytes[i] : NOTHING;
  }

  private static boolean isSpace(byte unit) {
    return unit <= ' ' && (unit == ' ' || unit == '\n' || unit == '\r' || unit == '\t');
  }

  /** Reads the token, if it comes next. */
  boolean skip(char token) {
    if (peek() != token) {
      return false;
    }
    at++;
    return true;
  }

  void expect(char token) {
    if (!skip(token)) {
      throw unexpected();
    }
  }

  void expect(String literal) {
    for (int i = 0; i < literal.length(); i++, at++) {
      if (at == bytes.length || bytes[at] != literal.charAt(i)) {
        throw unexpected();
      }
    }
  }

  void expectEnd() {
    peek();
    if (at < bytes.length) {
      throw unexpected();
    }
  }

  UnreadableJson unexpected() {
    return new UnreadableJson(at < bytes.length ? "an unexpected character" : "an unexpected end", at);
  }
}
