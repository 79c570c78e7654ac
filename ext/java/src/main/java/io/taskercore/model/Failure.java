package io.taskercore.model;

import java.util.List;

/**
 * How an attempt failed, as the handler's side tells it.
 *
 * @param errorClass the class of the error, in the handler's own language
 * @param message what it said
 * @param errorCode the application's code for it; may be null
 * @param retryable false: the step ends in {@code error} whatever attempts are left
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

  /** A failure of the engine's own making, such as a time-out. */
  public static Failure of(String errorClass, String message, String errorCode, boolean retryable) {
    return new Failure(errorClass, message, errorCode, retryable, null, Json.EMPTY_OBJECT, List.of());
  }
}
