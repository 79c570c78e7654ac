package io.taskercore.model;

/**
 * One thing wrong with a request, a template or a value.
 *
 * @param path where, as a reader of the document would write it: {@code payload.items[3].price}; empty for the whole
 * @param message what is wrong and what to do
 */
public record Violation(String path, String message) {

  @Override
  public String toString() {
    return path.isEmpty() ? message : path + ": " + message;
  }
}
