package io.taskercore.model;

/**
 * One thing that is wrong with a request, a template or a value.
 *
 * <p>It is always one line, whatever the document's keys and texts hold.
 *
 * @param path where, as a reader of the document would write it: {@code payload.items[3].price}; empty for the whole document
 * @param message what is wrong and what to do
 */
public record Violation(String path, String message) {

  public Violation {
    path = Printable.of(path);
    message = Printable.of(message);
  }

  @Override
  public String toString() {
    return path.isEmpty() ? message : path + ": " + message;
  }
}
