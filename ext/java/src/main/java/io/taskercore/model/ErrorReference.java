package io.taskercore.model;

import io.taskercore.model.Format;
import java.security.SecureRandom;
import java.util.concurrent.atomic.AtomicLong;

/** Names for errors, by which somebody who sees an error finds it in the log. */
public final class ErrorReference {

  private static final String PROCESS = Format.text("%06x", new SecureRandom().nextInt(1 << 24));
  private static final AtomicLong COUNT = new AtomicLong();

  private ErrorReference() {}

  public static String next() {
    return PROCESS + "-" + COUNT.incrementAndGet();
  }
}
