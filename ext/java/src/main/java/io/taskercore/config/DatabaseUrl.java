package io.taskercore.config;

import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * Where PostgreSQL is and who we are there. Equal values mean the same server, database, user and parameters; handles with equal URLs
 * share a pool.
 *
 * @param hosts one or more; the driver tries them in order
 * @param user null: the driver's default, which is the operating system's user
 * @param password null: none, unless the driver finds it in a password file
 * @param properties the driver's properties, by its own names
 */
public record DatabaseUrl(
    List<Host> hosts, String database, String user, String password, SortedMap<String, String> properties) {

  /** One server. */
  public record Host(String name, int port) {
    @Override
    public String toString() {
      return (name.contains(":") ? "[" + name + "]" : name) + ":" + port;
    }
  }

  /** Why a URL cannot be used. The message shows nothing of the URL that may be a part of the password. */
  static final class Unusable extends Exception {
    private static final long serialVersionUID = 1L;

    Unusable(String message) {
      super(message, null, false, false);
    }
  }

  public DatabaseUrl {
    hosts = List.copyOf(hosts);
    properties = Collections.unmodifiableSortedMap(new TreeMap<>(properties));
  }

  static DatabaseUrl parse(String url) throws Unusable {
    return DatabaseUrlParser.parse(url);
  }

  /** A parameter's name in the driver, and the other name under which it may have been given. */
  public static String parameter(String driverName) {
    String other = DatabaseUrlParser.otherName(driverName);
    return other == null ? driverName : driverName + " (" + other + ")";
  }

  /** The URL for the driver: with the properties, without user and password. */
  public String jdbcUrl() {
    StringBuilder url = new StringBuilder("jdbc:postgresql://").append(servers()).append('/').append(encoded(database));
    char separator = '?';
    for (Map.Entry<String, String> property : properties.entrySet()) {
      url.append(separator).append(encoded(property.getKey())).append('=').append(encoded(property.getValue()));
      separator = '&';
    }
    return url.toString();
  }

  private String servers() {
    return hosts.stream().map(Host::toString).collect(Collectors.joining(","));
  }

  private static String encoded(String text) {
    return URLEncoder.encode(text, StandardCharsets.UTF_8);
  }

  /** The URL for logs and metrics: user, servers and database, without password and parameters. */
  public String label() {
    return (user == null ? "" : user + '@') + servers() + '/' + database;
  }

  @Override
  public String toString() {
    return "DatabaseUrl[" + label() + ']';
  }
}
