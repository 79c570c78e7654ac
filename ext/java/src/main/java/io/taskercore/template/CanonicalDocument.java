package io.taskercore.template;

import io.taskercore.document.Document;
import io.taskercore.document.Node;
import io.taskercore.model.FailureMode;
import io.taskercore.model.Json;
import io.taskercore.model.PlainNumber;
import io.taskercore.model.RetryPolicy;
import io.taskercore.model.StepDefinition;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * A resolved template in the template's own format. Every key has a fixed place, and the opaque parts (configurations, the schema) are in
 * alphabetical order, so that equal templates are equal byte for byte.
 *
 * @param descriptions by ordinal; they are part of the document only
 */
record CanonicalDocument(
    String namespace,
    String name,
    String version,
    Optional<String> description,
    Optional<Json> inputSchema,
    FailureMode onStepFailure,
    List<StepDefinition> steps,
    List<Optional<String>> descriptions) {

  Json json() {
    Map<String, Node> members = new LinkedHashMap<>();
    members.put("namespace", new Node.Text(namespace));
    members.put("name", new Node.Text(name));
    members.put("version", new Node.Text(version));
    description.ifPresent(text -> members.put("description", new Node.Text(text)));
    inputSchema.ifPresent(schema -> members.put("input_schema", Document.read(schema)));
    members.put("on_step_failure", new Node.Text(onStepFailure.value()));
    members.put("steps", new Node.Arr(IntStream.range(0, steps.size()).mapToObj(this::step).toList()));
    return Document.write(new Node.Obj(members));
  }

  private Node step(int ordinal) {
    StepDefinition step = steps.get(ordinal);
    Map<String, Node> members = new LinkedHashMap<>();
    members.put("name", new Node.Text(step.name()));
    members.put("handler", new Node.Text(step.handler()));
    descriptions.get(ordinal).ifPresent(text -> members.put("description", new Node.Text(text)));
    members.put("depends_on", new Node.Arr(step.parents().stream().map(this::nameOf).toList()));
    members.put("config", Document.read(step.config()));
    members.put("retry", retry(step.retry()));
    if (step.timeoutMs() != null) {
      members.put("timeout_ms", Node.Num.of(step.timeoutMs()));
    }
    if (step.maxCrashes() != null) {
      members.put("max_crashes", Node.Num.of(step.maxCrashes()));
    }
    return new Node.Obj(members);
  }

  private Node nameOf(int ordinal) {
    return new Node.Text(steps.get(ordinal).name());
  }

  private static Node retry(RetryPolicy retry) {
    Map<String, Node> members = new LinkedHashMap<>();
    members.put("max_attempts", Node.Num.of(retry.maxAttempts()));
    members.put("backoff", new Node.Text(retry.backoff().value()));
    members.put("base_ms", Node.Num.of(retry.baseMs()));
    members.put("max_ms", Node.Num.of(retry.maxMs()));
    members.put("jitter", new Node.Num(PlainNumber.of(retry.jitter())));
    members.put("retryable", new Node.Bool(retry.retryable()));
    return new Node.Obj(members);
  }
}
