package io.taskercore.config;

import io.taskercore.document.Document;
import io.taskercore.document.Node;
import io.taskercore.model.Json;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Every key of the configuration, documented once; the Ruby side and the manual take their documentation from {@link #describe()}. */
public enum ConfigKey {
  DATABASE_URL(
      ConfigType.TEXT,
      Node.Null.NULL,
      Change.NEVER,
      "Where PostgreSQL is: postgres://, postgresql:// or jdbc:postgresql://, with credentials and parameters.",
      "TASKER_DATABASE_URL",
      "DATABASE_URL"),
  DATABASE_POOL_SIZE(
      ConfigType.integer(1, 1_000),
      Node.Num.of(20),
      Change.NEVER,
      "How many connections the pool may open. Handles on one database share a pool; the larger size wins.",
      "TASKER_DB_POOL_SIZE"),
  CONNECTION_TIMEOUT_MS(
      ConfigType.integer(250, 600_000),
      Node.Num.of(5_000),
      Change.NEVER,
      "How long a call waits for a free connection before it fails, in milliseconds."),
  CONNECTION_MODE(
      ConfigType.oneOf(ConnectionMode.names()),
      new Node.Text(ConnectionMode.DIRECT.value()),
      Change.NEVER,
      "direct, or pooler where transactions share the server's sessions, as behind PgBouncer: then no LISTEN, no prepared statements."),
  MAX_PARALLEL_STEPS(
      ConfigType.integer(1, 10_000),
      Node.Num.of(10),
      Change.AT_RUN_TIME,
      "How many step handlers run at the same time in one handle."),
  VIRTUAL_THREADS(
      ConfigType.BOOLEAN,
      new Node.Bool(false),
      Change.NEVER,
      "Whether handlers run on virtual threads, for those that mostly wait, by the thousand; needs Java 21 or later."),
  STEP_TIMEOUT_MS(
      ConfigType.integer(1, Limits.YEAR_MS),
      Node.Num.of(30_000),
      Change.AT_RUN_TIME,
      "How long one attempt of a step may run where its template does not say, in milliseconds."),
  RETRY_LIMITS(
      ConfigType.integersByName(1, 1_000),
      Node.Obj.EMPTY,
      Change.AT_RUN_TIME,
      "Attempts by handler or step name, for tasks initialized from then on; beats the template's max_attempts."),
  NAMESPACES(
      ConfigType.NAMES,
      Node.Null.NULL,
      Change.AT_RUN_TIME,
      "The namespaces whose steps this process runs; all where it is left out."),
  MAX_CRASHES(
      ConfigType.integer(1, 1_000),
      Node.Num.of(3),
      Change.AT_RUN_TIME,
      "How many processes may die under a step before it ends in error, where its template does not say."),
  POLL_INTERVAL_MS(
      ConfigType.integer(1, 3_600_000),
      Node.Num.of(1_000),
      Change.AT_RUN_TIME,
      "How often to look for work that nobody announced, in milliseconds."),
  LEASE_MS(
      ConfigType.integer(100, 3_600_000),
      Node.Num.of(5_000),
      Change.NEVER,
      "How long a claim lasts unless renewed, in milliseconds; the steps of a dead process run elsewhere within twice that."),
  SWEEP_INTERVAL_MS(
      ConfigType.integer(100, 3_600_000),
      Node.Num.of(30_000),
      Change.NEVER,
      "How often to compare counters and queue with the steps they tell of, some hundred tasks at a time, in milliseconds."),
  CANCEL_GRACE_MS(
      ConfigType.integer(0, 3_600_000),
      Node.Num.of(1_000),
      Change.AT_RUN_TIME,
      "How long a handler whose task was cancelled may go on before it is interrupted, in milliseconds."),
  SHUTDOWN_TIMEOUT_MS(
      ConfigType.integer(0, 3_600_000),
      Node.Num.of(10_000),
      Change.AT_RUN_TIME,
      "How long close waits for handlers that run, in milliseconds, before it interrupts them and gives their steps back."),
  EVENT_QUEUE_SIZE(
      ConfigType.integer(1, 10_000_000),
      Node.Num.of(10_000),
      Change.AT_RUN_TIME,
      "How many events may wait for one subscriber; further ones are dropped and counted. Applies to later subscriptions."),
  AUTO_MIGRATE(
      ConfigType.BOOLEAN,
      new Node.Bool(false),
      Change.NEVER,
      "Whether to create or upgrade the schema at start; otherwise a missing schema is an error."),
  MAX_PAYLOAD_BYTES(
      ConfigType.integer(1_024, 256L * 1_024 * 1_024),
      Node.Num.of(1_048_576),
      Change.AT_RUN_TIME,
      "How large one payload or result may be, in bytes of its JSON."),
  ENVIRONMENT(
      ConfigType.TEXT,
      new Node.Text("development"),
      Change.NEVER,
      "Which of a template's environments applies; development and test let a template change under its version.",
      "TASKER_ENV");

  private final String value = name().toLowerCase(Locale.ROOT);
  private final ConfigType type;
  private final Node otherwise;
  private final Change change;
  private final String meaning;
  private final List<String> variables;

  /** @param variables the environment variables, the strongest first; none: TASKER_ and the key's name */
  ConfigKey(ConfigType type, Node otherwise, Change change, String meaning, String... variables) {
    this.type = type;
    this.otherwise = otherwise;
    this.change = change;
    this.meaning = meaning;
    this.variables = variables.length == 0 ? List.of("TASKER_" + name()) : List.of(variables);
  }

  private enum Change {
    NEVER,
    AT_RUN_TIME
  }

  /** Has a class of its own because an enum's constants are made before its other statics. */
  private static final class Limits {
    static final long YEAR_MS = 365L * 24 * 60 * 60 * 1_000;
  }

  /** The key's name in a configuration. */
  public String value() {
    return value;
  }

  /** The environment variables that set the key, the strongest first. */
  public List<String> variables() {
    return variables;
  }

  /** Whether {@code reconfigure} takes the key. */
  public boolean reconfigurable() {
    return change == Change.AT_RUN_TIME;
  }

  ConfigType type() {
    return type;
  }

  Node otherwise() {
    return otherwise;
  }

  static List<String> names() {
    return Arrays.stream(values()).map(ConfigKey::value).toList();
  }

  /**
   * All keys, for people and for the Ruby side: an array of {@code key}, {@code env} (array), {@code type} ({@code string},
   * {@code integer}, {@code boolean}, {@code array} or {@code object}), {@code min} and {@code max} (of integers, null
   * elsewhere), {@code default}, {@code reconfigurable} and {@code doc}.
   */
  public static Json describe() {
    List<Node> keys = new ArrayList<>();
    for (ConfigKey key : values()) {
      keys.add(key.described());
    }
    return Document.write(new Node.Arr(keys));
  }

  private Node described() {
    boolean bounded = type.kind() == ConfigType.Kind.INTEGER || type.kind() == ConfigType.Kind.OBJECT;
    Map<String, Node> members = new LinkedHashMap<>();
    members.put("key", new Node.Text(value));
    members.put("env", new Node.Arr(variables.stream().map(name -> (Node) new Node.Text(name)).toList()));
    members.put("type", new Node.Text(type.value()));
    members.put("min", bounded ? Node.Num.of(type.min()) : Node.Null.NULL);
    members.put("max", bounded ? Node.Num.of(type.max()) : Node.Null.NULL);
    members.put("default", otherwise);
    members.put("reconfigurable", new Node.Bool(reconfigurable()));
    members.put("doc", new Node.Text(meaning));
    return new Node.Obj(members);
  }
}
