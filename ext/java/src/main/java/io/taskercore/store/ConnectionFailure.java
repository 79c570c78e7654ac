package io.taskercore.store;

import java.sql.SQLException;

/** A connection that could not be made. Its message says where and why, and holds neither a password nor SQL. */
public final class ConnectionFailure extends SQLException {

  private static final long serialVersionUID = 1L;

  private final String configuration;

  /**
   * @param place user, host, port and database
   * @param reason what PostgreSQL or the machine said
   * @param configuration which part of the configuration is to blame, and why; null if the configuration may be right
   * @param failure what the driver threw
   */
  public ConnectionFailure(String place, String reason, String configuration, SQLException failure) {
    super(place + ": " + reason, failure.getSQLState(), failure);
    this.configuration = configuration;
  }

  /** Which part of the configuration is to blame, and why; null if the configuration may be right. */
  public String configuration() {
    return configuration;
  }
}
