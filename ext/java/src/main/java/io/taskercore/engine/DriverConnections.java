package io.taskercore.engine;

import io.taskercore.config.DatabaseUrl;
import io.taskercore.model.TaskerException;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.ZoneId;
import java.time.zone.ZoneRules;
import java.util.List;
import java.util.TimeZone;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.postgresql.ds.PGSimpleDataSource;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The driver's connections, whatever the JVM's time zone is called. If a connection cannot be made, the failure says where and why.
 *
 * <p>The driver sends PostgreSQL the name of the JVM's default zone when it connects, and has no setting for that. PostgreSQL refuses the
 * connection if it does not know the name: one of Java's short names such as {@code IST}, or an old name that the server's machine has
 * dropped. Then, and only then, the default zone gets another of its names. The zone itself, and so every time in the application, stays
 * as it was. Our own sessions are in UTC in any case.
 */
final class DriverConnections extends PGSimpleDataSource {

  private static final long serialVersionUID = 1L;
  private static final Logger LOG = LoggerFactory.getLogger(DriverConnections.class);
  private static final String INVALID_PARAMETER = "22023";
  private static final int MOST_NAMES = 20;

  private final transient DatabaseUrl url;
  private final transient SessionSetup setup;

  /** Prepares a session before anything else runs on it. */
  @FunctionalInterface
  interface SessionSetup {
    SessionSetup NONE = connection -> {};

    void on(Connection connection) throws SQLException;
  }

  /**
   * @param setup of each of them
   * @throws TaskerException.Configuration if the driver cannot use the URL
   */
  DriverConnections(DatabaseUrl url, SessionSetup setup) {
    this.url = url;
    this.setup = setup;
    try {
      setURL(url.jdbcUrl());
    } catch (IllegalArgumentException refused) {
      // Its message is the whole URL, with the parameters' values.
      throw new TaskerException.Configuration("database_url: the driver cannot use it; its parameters are "
          + url.properties().keySet().stream().map(DatabaseUrl::parameter).collect(Collectors.joining(", ")));
    }
    setUser(url.user());
    setPassword(url.password());
  }

  /** @throws SQLException a {@link io.taskercore.store.ConnectionFailure} */
  @Override
  public Connection getConnection() throws SQLException {
    Connection connection = connect();
    try {
      setup.on(connection);
      return connection;
    } catch (SQLException failure) {
      connection.close();
      throw ConnectionFaults.of(url, failure);
    }
  }

  private Connection connect() throws SQLException {
    TimeZone zone = TimeZone.getDefault();
    try {
      return super.getConnection();
    } catch (SQLException refused) {
      if (isOfZone(refused)) {
        return connectByAnotherName(zone, refused);
      }
      throw ConnectionFaults.of(url, refused);
    }
  }

  /** PostgreSQL writes the rest of the message in its own language. */
  private static boolean isOfZone(SQLException refused) {
    return INVALID_PARAMETER.equals(refused.getSQLState()) && String.valueOf(refused.getMessage()).contains("\"TimeZone\"");
  }

  private Connection connectByAnotherName(TimeZone given, SQLException refused) throws SQLException {
    synchronized (DriverConnections.class) {
      if (!TimeZone.getDefault().getID().equals(given.getID())) {
        return super.getConnection(); // another thread has found a name meanwhile
      }
      for (String name : otherNames(given)) {
        TimeZone.setDefault(TimeZone.getTimeZone(name));
        try {
          Connection connection = super.getConnection();
          LOG.warn(
              "PostgreSQL does not know the JVM's time zone {}; it is called {} from now on, which is the same zone",
              given.getID(), name);
          return connection;
        } catch (SQLException alsoRefused) {
          TimeZone.setDefault(given);
          if (!isOfZone(alsoRefused)) {
            throw ConnectionFaults.of(url, alsoRefused);
          }
        }
      }
      throw ConnectionFaults.of(url, refused);
    }
  }

  private static List<String> otherNames(TimeZone zone) {
    ZoneRules rules = zone.toZoneId().getRules();
    return Stream.concat(Stream.of(zone.toZoneId().getId()), ZoneId.getAvailableZoneIds().stream().sorted())
        .filter(name -> name.contains("/") && !name.equals(zone.getID()) && ZoneId.of(name).getRules().equals(rules))
        .distinct()
        .limit(MOST_NAMES)
        .toList();
  }
}
