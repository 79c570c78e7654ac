package io.taskercore.testing;

import io.taskercore.model.Format;
import io.taskercore.model.Json;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

/**
 * A template in the making. Each step's handler has the step's own name; a failed step runs again a millisecond later, up to
 * three times in all, unless the test says otherwise.
 */
public final class Workflow {

  private static final String RETRY =
      "\"retry\": {\"max_attempts\": %d, \"backoff\": \"fixed\", \"base_ms\": 1, \"jitter\": 0}";

  private final String name;
  private String namespace = "default";
  private String version = "1.0.0";
  private String onStepFailure = "continue";
  private String defaults = Format.text(RETRY, 3);
  private String inputSchema;
  private String environments;
  private final List<String> steps = new ArrayList<>();

  private Workflow(String name) {
    this.name = name;
  }

  public static Workflow named(String name) {
    return new Workflow(name);
  }

  public String name() {
    return name;
  }

  public Workflow namespace(String namespace) {
    this.namespace = namespace;
    return this;
  }

  public Workflow version(String version) {
    this.version = version;
    return this;
  }

  public Workflow failFast() {
    onStepFailure = "fail_fast";
    return this;
  }

  public Workflow attempts(int maxAttempts) {
    return defaults(Format.text(RETRY, maxAttempts));
  }

  /** @param members those of the template's {@code defaults}, as JSON */
  public Workflow defaults(String members) {
    defaults = members;
    return this;
  }

  public Workflow inputSchema(String schema) {
    inputSchema = schema;
    return this;
  }

  public Workflow environments(String object) {
    environments = object;
    return this;
  }

  public Workflow step(String step, String... parents) {
    return stepWith(step, "", parents);
  }

  /** @param settings further members of the step, as JSON; a handler of another name among them */
  public Workflow stepWith(String step, String settings, String... parents) {
    String handler = settings.contains("\"handler\"") ? "" : ", \"handler\": \"" + step + "\"";
    String dependsOn = Arrays.stream(parents).map(parent -> '"' + parent + '"').collect(Collectors.joining(", "));
    steps.add("{\"name\": \"" + step + "\"" + handler + ", \"depends_on\": [" + dependsOn + "]"
        + (settings.isEmpty() ? "" : ", " + settings) + "}");
    return this;
  }

  public Json json() {
    return Json.of("""
        {"namespace": "%s", "name": "%s", "version": "%s", "on_step_failure": "%s", "defaults": {%s}%s%s, "steps": [%s]}"""
        .formatted(namespace, name, version, onStepFailure, defaults,
            inputSchema == null ? "" : ", \"input_schema\": " + inputSchema,
            environments == null ? "" : ", \"environments\": " + environments,
            String.join(",\n", steps)));
  }
}
