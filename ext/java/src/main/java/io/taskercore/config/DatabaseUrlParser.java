package io.taskercore.config;

import io.taskercore.document.Texts;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Reads the forms in which people write a database's URL: {@code postgres://} as libpq and Rails have it, and the driver's own. */
final class DatabaseUrlParser {

  private static final int DEFAULT_PORT = 5_432;
  private static final int MAX_PORT = 65_535;
  private static final Pattern SCHEME = Pattern.compile("([A-Za-z][A-Za-z0-9+.:-]{0,30}?)://");
  private static final Pattern JDBC_WITHOUT_HOST = Pattern.compile("(?i)jdbc:postgresql:/?(?!/)");
  private static final Pattern HOST = Pattern.compile("\\[([0-9A-Fa-f:.%]+)](?::([0-9]*))?|([^:\\[\\]\\s]*)(?::([0-9]*))?");

  private static final String ESCAPES =
      "must look like postgres://user:password@host:5432/database; special characters in the user, the password and the "
          + "database's name are written as %XX (an @ as %40, a / as %2F, a : as %3A)";
  private static final Set<String> SSL_MODES = Set.of("disable", "allow", "prefer", "require", "verify-ca", "verify-full");

  /** libpq's names for parameters that have another name in the driver. */
  private static final Map<String, String> DRIVER_NAMES =
      Map.of(
          "application_name", "ApplicationName",
          "connect_timeout", "connectTimeout",
          "target_session_attrs", "targetServerType",
          "channel_binding", "channelBinding",
          "gssencmode", "gssEncMode",
          "prepared_statements", "prepareThreshold");

  private static final Map<String, String> SERVER_TYPES =
      Map.of("read-write", "primary", "read-only", "secondary", "standby", "secondary", "prefer-standby", "preferSecondary");

  /** Names of machines, in any script, and addresses; no characters that have a meaning in a URL. */
  private static final Pattern HOST_NAME = Pattern.compile("[\\p{L}\\p{M}\\p{N}._-]*|[0-9A-Fa-f]*(:[0-9A-Fa-f.]*){2,}");

  private static final String SOCKET = "names a Unix socket, which Java's driver cannot use: give a host";

  private final String rest;
  private final boolean jdbc;
  private final TreeMap<String, String> properties = new TreeMap<>();
  private final List<DatabaseUrl.Host> hosts = new ArrayList<>();
  private String database = "";
  private String user;
  private String password;

  private DatabaseUrlParser(String rest, boolean jdbc) {
    this.rest = rest;
    this.jdbc = jdbc;
  }

  static DatabaseUrl parse(String url) throws DatabaseUrl.Unusable {
    String text = url.strip();
    Matcher bare = JDBC_WITHOUT_HOST.matcher(text);
    if (bare.lookingAt()) {
      return new DatabaseUrlParser("/" + text.substring(bare.end()), true).parse();
    }
    Matcher scheme = SCHEME.matcher(text);
    if (!scheme.lookingAt()) {
      throw new DatabaseUrl.Unusable("must look like postgres://user:password@host:5432/database");
    }
    String name = scheme.group(1).toLowerCase(Locale.ROOT);
    return switch (name) {
      case "postgres", "postgresql", "jdbc:postgresql" ->
          new DatabaseUrlParser(text.substring(scheme.end()), name.startsWith("jdbc:")).parse();
      default ->
          throw new DatabaseUrl.Unusable(
              "must begin with postgres://, postgresql:// or jdbc:postgresql://, not " + name + "://");
    };
  }

  private DatabaseUrl parse() throws DatabaseUrl.Unusable {
    int query = rest.indexOf('?');
    String place = query < 0 ? rest : rest.substring(0, query);
    int slash = place.indexOf('/');
    readAuthority(slash < 0 ? place : place.substring(0, slash));
    String name = slash < 0 ? "" : place.substring(slash + 1);
    if (name.contains("/") || name.contains("@")) {
      // The text after an unescaped / in a password would be taken for the database's name, and be shown.
      throw new DatabaseUrl.Unusable(ESCAPES);
    }
    database = decoded(name, "database's name", jdbc);
    if (query >= 0) {
      readParameters(rest.substring(query + 1));
    }
    if (database.isEmpty()) {
      throw new DatabaseUrl.Unusable("names no database: end it with /database");
    }
    return new DatabaseUrl(hosts, database, user, password, properties);
  }

  private void readAuthority(String authority) throws DatabaseUrl.Unusable {
    int at = authority.lastIndexOf('@');
    if (at >= 0) {
      String credentials = authority.substring(0, at);
      int colon = credentials.indexOf(':');
      String name = colon < 0 ? credentials : credentials.substring(0, colon);
      user = name.isEmpty() ? null : decoded(name, "user", false);
      password = colon < 0 ? null : decoded(credentials.substring(colon + 1), "password", false);
    }
    readHosts(authority.substring(at + 1));
  }

  private void readHosts(String list) throws DatabaseUrl.Unusable {
    hosts.clear();
    for (String part : list.split(",", -1)) {
      Matcher host = HOST.matcher(part);
      if (!host.matches()) {
        // Never shows the text itself: an unescaped / or @ in a password makes the password's end look like a host.
        throw new DatabaseUrl.Unusable(ESCAPES);
      }
      String name = host.group(1) != null ? host.group(1) : hostName(decoded(host.group(3), "host", false));
      String port = host.group(1) != null ? host.group(2) : host.group(4);
      hosts.add(new DatabaseUrl.Host(name.isEmpty() ? "localhost" : name, port(port)));
    }
  }

  private static String hostName(String name) throws DatabaseUrl.Unusable {
    if (name.startsWith("/") || name.startsWith("@")) {
      throw new DatabaseUrl.Unusable(SOCKET);
    } else if (!HOST_NAME.matcher(name).matches()) {
      throw new DatabaseUrl.Unusable("must have a host that is a name or an address; %XX in it stand for something else");
    }
    return name;
  }

  /** Null if the driver's name is the only one. */
  static String otherName(String driverName) {
    return DRIVER_NAMES.entrySet().stream()
        .filter(names -> names.getValue().equals(driverName)).map(Map.Entry::getKey).findFirst().orElse(null);
  }

  private static int port(String digits) throws DatabaseUrl.Unusable {
    if (digits == null || digits.isEmpty()) {
      return DEFAULT_PORT;
    }
    int port = digits.length() > 5 ? 0 : Integer.parseInt(digits);
    if (port < 1 || port > MAX_PORT) {
      throw new DatabaseUrl.Unusable("must have a port from 1 to " + MAX_PORT);
    }
    return port;
  }

  private void readParameters(String query) throws DatabaseUrl.Unusable {
    for (String pair : query.split("&")) {
      int equals = pair.indexOf('=');
      if (equals > 0) {
        String name = decoded(pair.substring(0, equals), "parameters", jdbc);
        readParameter(name, decoded(pair.substring(equals + 1), "parameters", jdbc));
      } else if (!pair.isEmpty()) {
        throw new DatabaseUrl.Unusable("must have its parameters as name=value, joined by &");
      }
    }
  }

  private void readParameter(String name, String value) throws DatabaseUrl.Unusable {
    switch (name) {
      case "user" -> user = value;
      case "password" -> password = value;
      case "dbname" -> database = value;
      case "host" -> {
        if (value.startsWith("/") || value.startsWith("@")) {
          throw new DatabaseUrl.Unusable(SOCKET);
        }
        int port = hosts.get(0).port();
        readHosts(value);
        hosts.replaceAll(host -> new DatabaseUrl.Host(host.name(), port));
      }
      case "port" -> {
        if (!value.matches("[0-9]+")) {
          throw new DatabaseUrl.Unusable("must have a port from 1 to " + MAX_PORT);
        }
        int port = port(value);
        hosts.replaceAll(host -> new DatabaseUrl.Host(host.name(), port));
      }
      case "sslmode" -> {
        if (!SSL_MODES.contains(value)) {
          throw new DatabaseUrl.Unusable("must have an sslmode of disable, allow, prefer, require, verify-ca or verify-full");
        }
        properties.put(name, value);
      }
      default -> properties.put(DRIVER_NAMES.getOrDefault(name, name), driverValue(name, value));
    }
  }

  private static String driverValue(String name, String value) {
    return switch (name) {
      case "target_session_attrs" -> SERVER_TYPES.getOrDefault(value, value);
      // Rails spells it this way. The driver prepares from the fifth use on, and never with 0.
      case "prepared_statements" -> value.equals("false") ? "0" : "5";
      default -> value;
    };
  }

  /**
   * Percent-decoding.
   *
   * @param plusIsSpace whether a + means a space, as in the driver's own URLs
   */
  private static String decoded(String text, String what, boolean plusIsSpace) throws DatabaseUrl.Unusable {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    ByteArrayOutputStream out = new ByteArrayOutputStream(bytes.length);
    for (int i = 0; i < bytes.length; i++) {
      if (bytes[i] == '%') {
        int high = i + 2 < bytes.length ? Character.digit(bytes[i + 1], 16) : -1;
        int low = i + 2 < bytes.length ? Character.digit(bytes[i + 2], 16) : -1;
        if (high < 0 || low < 0) {
          throw new DatabaseUrl.Unusable("must have a % in the " + what + " written as %25");
        }
        out.write(high * 16 + low);
        i += 2;
      } else {
        out.write(plusIsSpace && bytes[i] == '+' ? ' ' : bytes[i]);
      }
    }
    try {
      String decoded = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(out.toByteArray())).toString();
      if (Texts.unstorable(decoded) == null) {
        return decoded;
      }
    } catch (CharacterCodingException e) {
      // Reported below, without the bytes.
    }
    throw new DatabaseUrl.Unusable("must have its " + what + " in UTF-8, without NUL");
  }
}
