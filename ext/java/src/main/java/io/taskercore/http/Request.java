package io.taskercore.http;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The first line of a request, which is all that matters here. Headers are skipped, and nobody reads a body. */
record Request(String method, String path) {

  /** The target is a path with a query, or the whole URL as clients of proxies send it. */
  private static final Pattern LINE = Pattern.compile("([A-Z]+) (?:http://[^/?# ]+)?([^? ]*)(?:\\?[^ ]*)? HTTP/1\\.[0-9]");

  /** @return null if it is no request */
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
