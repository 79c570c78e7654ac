package io.taskercore.fault;

import java.io.IOException;
import java.io.UncheckedIOException;

/** Signals to other processes, by the system's own command. */
final class Signals {

  private Signals() {}

  /** @param signal its name without SIG */
  static void send(String signal, long pid) {
    try {
      int status = new ProcessBuilder("kill", "-" + signal, String.valueOf(pid)).inheritIO().start().waitFor();
      if (status != 0) {
        throw new IllegalStateException("kill -" + signal + " " + pid + " ended with " + status);
      }
    } catch (IOException failure) {
      throw new UncheckedIOException(failure);
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(interrupted);
    }
  }
}
