package io.taskercore.engine;

import io.taskercore.config.DatabaseUrl;
import io.taskercore.store.ConnectionFailure;
import java.io.IOException;
import java.net.UnknownHostException;
import java.security.GeneralSecurityException;
import java.sql.SQLException;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TimeZone;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.postgresql.PGProperty;
import org.postgresql.util.PSQLException;
import org.postgresql.util.ServerErrorMessage;

/** Why a connection could not be made: where, in whose words, and whether a parameter of the URL is to blame. */
final class ConnectionFaults {

  /** The states of a refused parameter: an invalid value, no such parameter, no right to set it. */
  private static final Set<String> OF_PARAMETERS = Set.of("22023", "42704", "42501");

  /** In these states the driver never speaks of the network. */
  private static final Set<String> OF_THE_DRIVER = Set.of("22023", "42601", "99999");

  private ConnectionFaults() {}

  static ConnectionFailure of(DatabaseUrl url, SQLException failure) {
    ServerErrorMessage server = failure instanceof PSQLException said ? said.getServerErrorMessage() : null;
    String reason = server != null ? server.getMessage() : reason(failure);
    String configuration = server != null ? refusedByServer(url, server) : refusedByDriver(url, failure, reason);
    return new ConnectionFailure(place(url), reason, configuration, failure);
  }

  /** Without a user in the URL the driver takes the operating system's. */
  private static String place(DatabaseUrl url) {
    return (url.user() == null ? System.getProperty("user.name") + '@' : "") + url.label();
  }

  private static String reason(SQLException failure) {
    Throwable network = cause(failure, IOException.class);
    if (network instanceof UnknownHostException unknown) {
      return "unknown host " + unknown.getMessage();
    }
    String message = network == null || network.getMessage() == null ? failure.getMessage() : network.getMessage();
    return String.valueOf(message).lines().findFirst().orElse("");
  }

  private static Throwable cause(Throwable failure, Class<? extends Throwable> type) {
    return causes(failure).filter(type::isInstance).findFirst().orElse(null);
  }

  private static Stream<Throwable> causes(Throwable failure) {
    return Stream.iterate(failure, cause -> cause != null, Throwable::getCause);
  }

  /** A session's first settings come from {@code options}, except for the time zone, which the driver sends. */
  private static String refusedByServer(DatabaseUrl url, ServerErrorMessage server) {
    if (!OF_PARAMETERS.contains(server.getSQLState())) {
      return null;
    } else if (server.getMessage().contains("\"TimeZone\"") && !url.properties().getOrDefault("options", "").contains("imezone")) {
      return "the JVM's time zone " + TimeZone.getDefault().getID() + " is unknown to PostgreSQL at " + place(url)
          + ": start Java with -Duser.timezone=UTC, or another zone that it knows";
    }
    return url.properties().containsKey("options")
        ? refused("its parameter options is refused by PostgreSQL: " + server.getMessage())
        : null;
  }

  private static String refusedByDriver(DatabaseUrl url, SQLException failure, String reason) {
    String sslMode = url.properties().get("sslmode");
    boolean ofTls =
        sslMode != null && cause(failure, IOException.class) == null && String.valueOf(failure.getMessage()).contains("SSL");
    if (ofTls || cause(failure, GeneralSecurityException.class) != null) {
      return refused("sslmode=" + sslMode + " cannot be had, for TLS fails with " + place(url) + ": " + reason);
    }
    boolean ofTheDriver = OF_THE_DRIVER.contains(String.valueOf(failure.getSQLState()));
    if (!ofTheDriver && cause(failure, IOException.class) != null) {
      return null;
    }
    List<String> named = url.properties().keySet().stream().filter(name -> isBad(url, name, failure)).toList();
    if (!named.isEmpty() || ofTheDriver) {
      String names = (named.isEmpty() ? url.properties().keySet().stream() : named.stream())
          .map(DatabaseUrl::parameter).collect(Collectors.joining(", "));
      return refused("the driver refuses the parameter " + names + ": " + reason);
    }
    return null;
  }

  /** The driver's messages name the parameter, in words or as one word. A server that is no primary is not the parameter's fault. */
  private static boolean isBad(DatabaseUrl url, String name, SQLException failure) {
    if (name.equals("targetServerType")) {
      String[] choices = PGProperty.TARGET_SERVER_TYPE.getChoices();
      return choices != null && !List.of(choices).contains(url.properties().get(name));
    }
    String said = causes(failure).map(Throwable::toString).collect(Collectors.joining(" ")).toLowerCase(Locale.ROOT);
    String lower = name.toLowerCase(Locale.ROOT);
    return said.contains(lower)
        || lower.equals("requireauth") && said.contains("authentication method")
        || lower.equals("protocolversion") && said.contains("protocol " + url.properties().get(name));
  }

  private static String refused(String what) {
    return "database_url: " + what;
  }
}
