package io.taskercore.fault;

import java.io.Serial;
import org.slf4j.ILoggerFactory;
import org.slf4j.IMarkerFactory;
import org.slf4j.Marker;
import org.slf4j.event.Level;
import org.slf4j.helpers.BasicMarkerFactory;
import org.slf4j.helpers.LegacyAbstractLogger;
import org.slf4j.helpers.MessageFormatter;
import org.slf4j.helpers.NOPMDCAdapter;
import org.slf4j.spi.MDCAdapter;
import org.slf4j.spi.SLF4JServiceProvider;

/** The log of a worker process on its standard error, which the tests keep in a file: what one reads when a test fails. */
public final class StderrLog implements SLF4JServiceProvider {

  private final IMarkerFactory markers = new BasicMarkerFactory();
  private final MDCAdapter mdc = new NOPMDCAdapter();
  private final ILoggerFactory loggers = Line::new;

  @Override
  public ILoggerFactory getLoggerFactory() {
    return loggers;
  }

  @Override
  public IMarkerFactory getMarkerFactory() {
    return markers;
  }

  @Override
  public MDCAdapter getMDCAdapter() {
    return mdc;
  }

  @Override
  public String getRequestedApiVersion() {
    return "2.0.99";
  }

  @Override
  public void initialize() {
    // Nothing to be made ready.
  }

  private static final class Line extends LegacyAbstractLogger {
    @Serial private static final long serialVersionUID = 1L;

    Line(String name) {
      this.name = name;
    }

    @Override
    protected void handleNormalizedLoggingCall(
        Level level, Marker marker, String pattern, Object[] arguments, Throwable failure) {
      String message = MessageFormatter.basicArrayFormat(pattern, arguments);
      System.err.println(System.currentTimeMillis() + " " + level + " " + message);
      if (failure != null) {
        failure.printStackTrace();
      }
    }

    @Override
    protected String getFullyQualifiedCallerName() {
      return null;
    }

    /** The pool's own reports would drown the engine's. */
    private boolean isOurs() {
      return name.startsWith("io.taskercore");
    }

    @Override
    public boolean isTraceEnabled() {
      return false;
    }

    @Override
    public boolean isDebugEnabled() {
      return false;
    }

    @Override
    public boolean isInfoEnabled() {
      return isOurs();
    }

    @Override
    public boolean isWarnEnabled() {
      return isOurs();
    }

    @Override
    public boolean isErrorEnabled() {
      return true;
    }
  }
}
