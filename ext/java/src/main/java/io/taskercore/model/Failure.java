package io.taskercore.model;

import java.util.List;

/**
 * How an attempt failed, as the side of the handlers reports it.
 *
 * @param errorClass the class of the error, in the handler's own language
 * @param message the error's message
 * @param errorCode the application's code for it; may be null
 * @param retryable false: the step ends in {@code error} even if attempts are left
 * @param retryAfterSeconds the least delay before the next attempt; null: the policy's alone
 * @param context a JSON object with what the application wants to remember
 * @param backtrace the handler's, outermost last
 */
public record Failure(
    String errorClass,
    String message,
    String errorCode,
    boolean retryable,
    Double retryAfterSeconds,
    Json context,
    List<String> backtrace) {

  public Failure {
    backtrace = List.copyOf(backtrace);
  }

  /** A failure that the engine itself reports, such as a time-out. */
  public static Failure of(String errorClass, String message, String errorCode, boolean retryable) {
    return new Failure(errorClass, message, errorCode, retryable, null, Json.EMPTY_OBJECT, List.of());
  }
}
