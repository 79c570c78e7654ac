package io.taskercore.store;

import java.sql.SQLException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.postgresql.util.PSQLException;

/** A right that PostgreSQL found missing (42501): on what, and the grant that gives it. */
final class MissingRight {

  static final String STATE = "42501";

  /** PostgreSQL's message in English. In another language, only that message itself is passed on. */
  private static final Pattern DENIED =
      Pattern.compile("permission denied for (schema|database|table|relation|view|sequence|function|type) (.+)");

  private MissingRight() {}

  static String described(SQLException failure) {
    String said = said(failure);
    if (said == null) {
      return "PostgreSQL refused a right";
    }
    Matcher denied = DENIED.matcher(said);
    String grant = denied.matches() ? grant(denied.group(1), denied.group(2).replace("\"", ""), failure) : null;
    return "PostgreSQL refused a right: " + said
        + (grant == null ? "" : "; its owner can give it: " + grant + " TO the user that connects");
  }

  private static String said(SQLException failure) {
    return failure instanceof PSQLException of && of.getServerErrorMessage() != null ? of.getServerErrorMessage().getMessage()
        : failure.getCause() instanceof SQLException cause ? said(cause)
        : null;
  }

  private static String grant(String kind, String name, SQLException failure) {
    return switch (kind) {
      case "schema" -> "GRANT USAGE ON SCHEMA " + name;
      case "database" -> (failure instanceof ConnectionFailure ? "GRANT CONNECT" : "GRANT CREATE") + " ON DATABASE " + name;
      case "sequence" -> "GRANT USAGE ON ALL SEQUENCES IN SCHEMA tasker";
      case "function" -> "GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA tasker";
      case "type" -> "GRANT USAGE ON TYPE tasker." + name;
      default -> "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA tasker";
    };
  }
}
