package io.taskercore.jruby;

import org.slf4j.Marker;
import org.slf4j.event.Level;
import org.slf4j.helpers.LegacyAbstractLogger;
import org.slf4j.helpers.MessageFormatter;

/** One class's logger. What our libraries log as information interests only those who debug. */
final class CoreLogger extends LegacyAbstractLogger {

  private static final long serialVersionUID = 1L;
  private static final String OWN = "io.taskercore.";
  private static final String LIBRARIES = "io.taskercore.internal.";

  private static final String POOL = ".hikari.";

  private final boolean own;

  /** The pool warns of each lost connection, with a stack trace. The engine already says, once, that PostgreSQL is away. */
  private final boolean pool;

  CoreLogger(String name) {
    this.name = name;
    this.pool = name.contains(POOL);
    this.own = name.startsWith(OWN) && !name.startsWith(LIBRARIES);
  }

  @Override
  public boolean isTraceEnabled() {
    return false;
  }

  @Override
  public boolean isDebugEnabled() {
    return own && LogRelay.debugging();
  }

  @Override
  public boolean isInfoEnabled() {
    return own ? LogRelay.informing() : LogRelay.debugging();
  }

  @Override
  public boolean isWarnEnabled() {
    return !pool || LogRelay.debugging();
  }

  @Override
  public boolean isErrorEnabled() {
    return true;
  }

  @Override
  protected String getFullyQualifiedCallerName() {
    return null;
  }

  @Override
  protected void handleNormalizedLoggingCall(Level level, Marker marker, String message, Object[] arguments, Throwable failure) {
    String text = MessageFormatter.basicArrayFormat(message, arguments);
    LogRelay.pass(rubyLevel(level), failure == null ? text : text + "\n" + RubyLog.stackTrace(failure));
  }

  private String rubyLevel(Level level) {
    return switch (level) {
      case ERROR -> "error";
      case WARN -> pool ? "debug" : "warn";
      case INFO -> own ? "info" : "debug";
      case DEBUG, TRACE -> "debug";
    };
  }
}
