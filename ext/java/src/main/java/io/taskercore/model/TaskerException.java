package io.taskercore.model;

import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * The closed set of failures that the core reports. The bridge gives each kind its Ruby class.
 *
 * <p>A message is always one line, whatever names and keys it quotes.
 *
 * <p>The expected kinds carry no Java stack trace: nobody reads it (Ruby sees its own backtrace), and walking the stack is most of an
 * exception's cost.
 */
public abstract sealed class TaskerException extends RuntimeException {

  private static final long serialVersionUID = 1L;

  private TaskerException(String message, Throwable cause, boolean withStackTrace) {
    super(Printable.of(message), cause, false, withStackTrace);
  }

  /** No task with this id. */
  public static final class TaskNotFound extends TaskerException {
    private static final long serialVersionUID = 1L;

    public TaskNotFound(Object taskId) {
      super("Task not found: " + taskId, null, false);
    }
  }

  /** No step with this id or name. */
  public static final class StepNotFound extends TaskerException {
    private static final long serialVersionUID = 1L;

    public StepNotFound(Object stepId) {
      super("Step not found: " + stepId, null, false);
    }
  }

  /** No template under this namespace, name and version. */
  public static final class TemplateNotFound extends TaskerException {
    private static final long serialVersionUID = 1L;

    public TemplateNotFound(String message) {
      super(message, null, false);
    }
  }

  /** A bad request, template or value; names each thing that is wrong, and where it is. */
  public static final class Validation extends TaskerException {
    private static final long serialVersionUID = 1L;
    private final transient List<Violation> violations;

    public Validation(List<Violation> violations) {
      super(violations.stream().map(Violation::toString).collect(Collectors.joining("; ")), null, false);
      this.violations = List.copyOf(violations);
    }

    public Validation(String path, String message) {
      this(List.of(new Violation(path, message)));
    }

    public List<Violation> violations() {
      return violations;
    }
  }

  /** The idempotency key was used before, with another payload. */
  public static final class IdempotencyConflict extends TaskerException {
    private static final long serialVersionUID = 1L;
    private final transient Violation violation;

    public IdempotencyConflict(String path, String message) {
      super(new Violation(path, message).toString(), null, false);
      this.violation = new Violation(path, message);
    }

    public Violation violation() {
      return violation;
    }
  }

  /** A configuration that cannot work; the message names the key. */
  public static final class Configuration extends TaskerException {
    private static final long serialVersionUID = 1L;

    public Configuration(String message) {
      super(message, null, false);
    }
  }

  /** PostgreSQL, the way to it, or the pool failed. */
  public static final class Database extends TaskerException {
    private static final long serialVersionUID = 1L;
    private static final Set<String> OUTAGES = Set.of("08", "53", "57");

    private final String sqlState;
    private final boolean isTransient;

    /**
     * @param message what happened, without SQL and without credentials
     * @param sqlState the five characters, or null if the server said nothing
     * @param isTransient true if the same call may succeed later
     */
    public Database(String message, String sqlState, boolean isTransient, Throwable cause) {
      super("Database error: " + message, cause, true);
      this.sqlState = sqlState;
      this.isTransient = isTransient;
    }

    /**
     * Whether PostgreSQL, or the way to it, did not work at all, whatever was asked: there was no connection, a session was ended, or the
     * server ran out of a resource.
     */
    public boolean isOutage() {
      return isTransient && (sqlState == null || OUTAGES.contains(sqlState.substring(0, 2)) && !"57014".equals(sqlState));
    }

    /** Whether it waited in vain for a row that somebody else has locked. Then it has changed nothing. */
    public boolean isLocked() {
      return "55P03".equals(sqlState);
    }

    public String sqlState() {
      return sqlState;
    }

    public boolean isTransient() {
      return isTransient;
    }
  }

  /** A change that the state machine refuses. */
  public static final class State extends TaskerException {
    private static final long serialVersionUID = 1L;

    public State(String message) {
      super(message, null, false);
    }
  }

  /** The handle was closed before the call, or during it. */
  public static final class Closed extends TaskerException {
    private static final long serialVersionUID = 1L;

    public Closed(String what) {
      super(what + " is closed", null, false);
    }
  }

  /** A failure that nobody foresaw; its cause goes to the log, not to the caller. */
  public static final class Internal extends TaskerException {
    private static final long serialVersionUID = 1L;

    public Internal(Throwable cause) {
      super("Internal orchestration error", cause, true);
    }
  }
}
