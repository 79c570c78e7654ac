package io.taskercore.config;

import io.taskercore.model.Json;
import io.taskercore.model.JsonWriter;
import io.taskercore.model.TaskerException;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * One handle's configuration, checked. {@link ConfigKey} says what each key means and within which bounds it lies.
 *
 * @param namespaces empty: all
 */
public record OrchestrationConfig(
    DatabaseUrl databaseUrl,
    int databasePoolSize,
    int connectionTimeoutMs,
    ConnectionMode connectionMode,
    int maxParallelSteps,
    boolean virtualThreads,
    long stepTimeoutMs,
    Map<String, Integer> retryLimits,
    List<String> namespaces,
    int maxCrashes,
    int pollIntervalMs,
    int leaseMs,
    int sweepIntervalMs,
    int cancelGraceMs,
    int shutdownTimeoutMs,
    int eventQueueSize,
    boolean autoMigrate,
    int maxPayloadBytes,
    String environment) {

  public OrchestrationConfig {
    retryLimits = Map.copyOf(retryLimits);
    namespaces = List.copyOf(namespaces);
  }

  /**
   * The given keys, over the defaults. A key with null counts as not given.
   *
   * @throws TaskerException.Configuration with everything that is wrong, each named by its key
   */
  public static OrchestrationConfig fromJson(Json document) {
    ConfigValues values = ConfigValues.read(document);
    Optional<DatabaseUrl> databaseUrl = values.databaseUrl();
    values.throwIfBad();
    return new OrchestrationConfig(
        databaseUrl.orElseThrow(),
        values.integer(ConfigKey.DATABASE_POOL_SIZE),
        values.integer(ConfigKey.CONNECTION_TIMEOUT_MS),
        ConnectionMode.of(values.text(ConfigKey.CONNECTION_MODE)),
        values.integer(ConfigKey.MAX_PARALLEL_STEPS),
        values.bool(ConfigKey.VIRTUAL_THREADS),
        values.number(ConfigKey.STEP_TIMEOUT_MS),
        values.integersByName(ConfigKey.RETRY_LIMITS),
        values.names(ConfigKey.NAMESPACES),
        values.integer(ConfigKey.MAX_CRASHES),
        values.integer(ConfigKey.POLL_INTERVAL_MS),
        values.integer(ConfigKey.LEASE_MS),
        values.integer(ConfigKey.SWEEP_INTERVAL_MS),
        values.integer(ConfigKey.CANCEL_GRACE_MS),
        values.integer(ConfigKey.SHUTDOWN_TIMEOUT_MS),
        values.integer(ConfigKey.EVENT_QUEUE_SIZE),
        values.bool(ConfigKey.AUTO_MIGRATE),
        values.integer(ConfigKey.MAX_PAYLOAD_BYTES),
        values.text(ConfigKey.ENVIRONMENT));
  }

  /**
   * This configuration with some keys changed, as far as that is possible while it is in use. A key with null goes back to its default.
   *
   * @throws TaskerException.Configuration if a key cannot be changed at run time, or a value is not allowed
   */
  public OrchestrationConfig with(Json changes) {
    ConfigValues values = ConfigValues.read(changes);
    values.refuseFixed();
    values.throwIfBad();
    return new OrchestrationConfig(
        databaseUrl,
        databasePoolSize,
        connectionTimeoutMs,
        connectionMode,
        values.has(ConfigKey.MAX_PARALLEL_STEPS) ? values.integer(ConfigKey.MAX_PARALLEL_STEPS) : maxParallelSteps,
        virtualThreads,
        values.has(ConfigKey.STEP_TIMEOUT_MS) ? values.number(ConfigKey.STEP_TIMEOUT_MS) : stepTimeoutMs,
        values.has(ConfigKey.RETRY_LIMITS) ? values.integersByName(ConfigKey.RETRY_LIMITS) : retryLimits,
        values.has(ConfigKey.NAMESPACES) ? values.names(ConfigKey.NAMESPACES) : namespaces,
        values.has(ConfigKey.MAX_CRASHES) ? values.integer(ConfigKey.MAX_CRASHES) : maxCrashes,
        values.has(ConfigKey.POLL_INTERVAL_MS) ? values.integer(ConfigKey.POLL_INTERVAL_MS) : pollIntervalMs,
        leaseMs,
        sweepIntervalMs,
        values.has(ConfigKey.CANCEL_GRACE_MS) ? values.integer(ConfigKey.CANCEL_GRACE_MS) : cancelGraceMs,
        values.has(ConfigKey.SHUTDOWN_TIMEOUT_MS) ? values.integer(ConfigKey.SHUTDOWN_TIMEOUT_MS) : shutdownTimeoutMs,
        values.has(ConfigKey.EVENT_QUEUE_SIZE) ? values.integer(ConfigKey.EVENT_QUEUE_SIZE) : eventQueueSize,
        autoMigrate,
        values.has(ConfigKey.MAX_PAYLOAD_BYTES) ? values.integer(ConfigKey.MAX_PAYLOAD_BYTES) : maxPayloadBytes,
        environment);
  }

  /**
   * The settings that {@link #with} can change, as they are: an object of keys and values, with {@code namespaces} null if it is all of
   * them.
   */
  public Json changeable() {
    return JsonWriter.object(out -> out
        .put(ConfigKey.MAX_PARALLEL_STEPS.value(), maxParallelSteps)
        .put(ConfigKey.STEP_TIMEOUT_MS.value(), stepTimeoutMs)
        .put(ConfigKey.RETRY_LIMITS.value(), JsonWriter.object(limits -> retryLimits.forEach(limits::put)))
        .put(ConfigKey.NAMESPACES.value(), names(namespaces))
        .put(ConfigKey.MAX_CRASHES.value(), maxCrashes)
        .put(ConfigKey.POLL_INTERVAL_MS.value(), pollIntervalMs)
        .put(ConfigKey.CANCEL_GRACE_MS.value(), cancelGraceMs)
        .put(ConfigKey.SHUTDOWN_TIMEOUT_MS.value(), shutdownTimeoutMs)
        .put(ConfigKey.EVENT_QUEUE_SIZE.value(), eventQueueSize)
        .put(ConfigKey.MAX_PAYLOAD_BYTES.value(), maxPayloadBytes));
  }

  private static Json names(List<String> names) {
    return names.isEmpty() ? null : JsonWriter.array(names.stream().map(JsonWriter::string).toList());
  }

  /**
   * The configuration that environment variables give, as a document for {@link #fromJson}, with only the keys that are set. Other
   * variables are ignored, and an empty one counts as not set.
   *
   * @param strings an object of names and strings
   * @throws TaskerException.Configuration if a value is not allowed, named by its variable
   */
  public static Json readEnvironment(Json strings) {
    return EnvironmentReader.read(strings);
  }
}
