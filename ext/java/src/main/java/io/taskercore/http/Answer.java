package io.taskercore.http;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Locale;

/**
 * An answer to a request.
 *
 * @param type of the content
 */
public record Answer(int status, String type, String body) {

  private static final DateTimeFormatter DATE =
      DateTimeFormatter.ofPattern("EEE, dd MMM yyyy HH:mm:ss 'GMT'", Locale.ENGLISH).withZone(ZoneOffset.UTC);

  /** Says in one line why there is no other answer. */
  static Answer refusal(int status, String why) {
    return new Answer(status, "text/plain; charset=utf-8", why + "\n");
  }

  /**
   * The bytes as they are sent. The length is told to HEAD too, as RFC 9110 allows. Every connection is closed after its answer: probes
   * come seconds apart, and a connection that is kept open would only take the place of another client.
   */
  ByteBuffer bytes(boolean withBody) {
    byte[] content = body.getBytes(StandardCharsets.UTF_8);
    byte[] head = ("HTTP/1.1 " + status + " " + reason() + "\r\n"
        + "Date: " + DATE.format(Instant.now()) + "\r\n"
        + "Content-Type: " + type + "\r\n"
        + "Content-Length: " + content.length + "\r\n"
        + "Cache-Control: no-store\r\n"
        + (status == 405 ? "Allow: GET, HEAD\r\n" : "")
        + "Connection: close\r\n\r\n").getBytes(StandardCharsets.ISO_8859_1);
    ByteBuffer all = ByteBuffer.allocate(head.length + content.length).put(head);
    return (withBody ? all.put(content) : all).flip();
  }

  private String reason() {
    return switch (status) {
      case 200 -> "OK";
      case 400 -> "Bad Request";
      case 404 -> "Not Found";
      case 405 -> "Method Not Allowed";
      case 431 -> "Request Header Fields Too Large";
      case 500 -> "Internal Server Error";
      case 503 -> "Service Unavailable";
      default -> "";
    };
  }
}
