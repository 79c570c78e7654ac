package io.taskercore.store;

import java.sql.SQLException;

/** A connection that could not be made. Its message says where and why, and holds neither a password nor SQL. */
public final class ConnectionFailure extends SQLException {

  private static final long serialVersionUID = 1L;

  private final String configuration;

  /**
   * @param place user, host, port and database
   * @param reason what PostgreSQL said, or the machine
   * @param configuration what of the configuration is to blame, and how; null where it may be right
   * @param failure what the driver threw
   */
  public ConnectionFailure(String place, String reason, String configuration, SQLException failure) {
    super(place + ": " + reason, failure.getSQLState(), failure);
    this.configuration = configuration;
  }

  /** What of the configuration is to blame, and how; null where it may be right. */
  public String configuration() {
    return configuration;
  }
}
