package io.taskercore.http;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What of a request matters here: its first line. Headers are read past, and a body is nobody's. */
record Request(String method, String path) {

  /** The target is a path with a query, or the whole URL as clients of proxies send it. */
  private static final Pattern LINE = Pattern.compile("([A-Z]+) (?:http://[^/?# ]+)?([^? ]*)(?:\\?[^ ]*)? HTTP/1\\.[0-9]");

  /** @return null if it is none */
  static Request of(String head) {
    Matcher line = LINE.matcher(head.lines().findFirst().orElse(""));
    return line.matches() ? new Request(line.group(1), line.group(2)) : null;
  }

  boolean isHead() {
    return method.equals("HEAD");
  }

  boolean isRead() {
    return isHead() || method.equals("GET");
  }
}
