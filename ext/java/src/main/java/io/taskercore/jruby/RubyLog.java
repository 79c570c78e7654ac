package io.taskercore.jruby;

import io.taskercore.model.TaskerException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import org.jruby.RubyModule;
import org.jruby.RubyString;
import org.jruby.runtime.Helpers;
import org.jruby.runtime.ThreadContext;
import org.jruby.runtime.builtin.IRubyObject;

/**
 * {@code TaskerCore.logger}. A logger that raises harms nobody. A logger whose runtime has ended is not called, because its file is
 * closed.
 */
final class RubyLog {

  /** How long the end of a runtime waits for messages that are being written. */
  private static final long PATIENCE_MS = 1_000;

  private final RubyModule taskerCore;

  /** Many may write; {@link #close} waits for them. */
  private final ReentrantReadWriteLock writing = new ReentrantReadWriteLock();

  private volatile boolean closed;

  RubyLog(RubyModule taskerCore) {
    this.taskerCore = taskerCore;
  }

  /**
   * Writes one entry for an error that is about to be raised: the whole failure if somebody must look into it, otherwise a line for
   * debugging.
   */
  void failure(ThreadContext context, String reference, Throwable failure) {
    if (failure instanceof TaskerException.Database) {
      write(context, "error", "[" + reference + "] " + withCauses(failure));
    } else if (!isExpected(failure)) {
      write(context, "error", "[" + reference + "] " + stackTrace(failure));
    } else if (isDebugging(context)) {
      write(context, "debug", "[" + reference + "] " + failure.getMessage());
    }
  }

  /** Takes messages, perhaps again: coordinators may be made while the process exits. */
  void open() {
    closed = false;
  }

  /** Takes no more messages, from any thread. */
  void close() {
    closed = true;
    try {
      if (writing.writeLock().tryLock(PATIENCE_MS, TimeUnit.MILLISECONDS)) {
        writing.writeLock().unlock();
      }
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  void write(ThreadContext context, String level, String message) {
    writing.readLock().lock();
    try {
      if (!closed) {
        writeNow(context, level, message);
      }
    } finally {
      writing.readLock().unlock();
    }
  }

  /** For threads of the library, which go on whatever the logger raises: an interrupt there is meant for nobody. */
  void writeRegardless(ThreadContext context, String level, String message) {
    try {
      write(context, level, message);
    } catch (Throwable thrown) {
      if (RubyErrors.isEndOfThread(thrown)) {
        throw thrown;
      }
      context.setErrorInfo(context.nil);
    }
  }

  private void writeNow(ThreadContext context, String level, String message) {
    try {
      logger(context).callMethod(context, level, RubyString.newUTF8String(context.runtime, message));
    } catch (Throwable thrown) {
      passOrForget(context, thrown);
    }
  }

  boolean isDebugging(ThreadContext context) {
    return isWanted(context, "debug?", false);
  }

  boolean isInforming(ThreadContext context) {
    return isWanted(context, "info?", true);
  }

  private boolean isWanted(ThreadContext context, String question, boolean otherwise) {
    try {
      return taskerCore.callMethod(context, question).isTrue();
    } catch (Throwable thrown) {
      passOrForget(context, thrown);
      return otherwise;
    }
  }

  /** The logger's own faults harm nobody; an interrupt is meant for the thread that logs. */
  private static void passOrForget(ThreadContext context, Throwable thrown) {
    if (!RubyErrors.isFault(thrown)) {
      Helpers.throwException(thrown);
    }
    context.setErrorInfo(context.nil);
  }

  /** The calling thread's context; asking for it makes a Java thread known to the runtime. */
  ThreadContext currentContext() {
    return taskerCore.getRuntime().getCurrentContext();
  }

  private IRubyObject logger(ThreadContext context) {
    return taskerCore.callMethod(context, "logger");
  }

  private static boolean isExpected(Throwable failure) {
    return failure instanceof InvalidType || failure instanceof TaskerException && !(failure instanceof TaskerException.Internal);
  }

  private static String withCauses(Throwable failure) {
    StringBuilder text = new StringBuilder(failure.getMessage());
    for (Throwable cause = failure.getCause(); cause != null; cause = cause.getCause()) {
      text.append(", because of ").append(cause);
    }
    return text.toString();
  }

  static String stackTrace(Throwable failure) {
    StringWriter text = new StringWriter();
    failure.printStackTrace(new PrintWriter(text));
    return text.toString().stripTrailing();
  }
}
