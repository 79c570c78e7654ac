package io.taskercore.fault;

import java.util.List;
import java.util.stream.Collectors;

/**
 * What the handler of a step does, whoever runs it; it travels in the step's config.
 *
 * @param parents ordinals
 * @param ms how long the handler takes, in milliseconds
 * @param fails so many attempts fail transiently, the crashed ones among them counted; {@link #ALWAYS}: all
 * @param hangs so many attempts run into the time-out
 * @param permanent fails for good where it would succeed
 * @param maxAttempts of the template; crashes are not among them
 * @param timeoutMs of the template; null: the default
 * @param more further members of the config, as JSON with a comma before it
 */
record StepPlan(
    List<Integer> parents,
    int ms,
    int fails,
    int hangs,
    boolean permanent,
    int maxAttempts,
    Integer timeoutMs,
    String more) {

  static final int ALWAYS = 1_000;

  /** Keeps sums over deep graphs within a long. */
  static final long MODULUS = 1_000_003;

  static StepPlan step(int ms, Integer... parents) {
    return new StepPlan(List.of(parents), ms, 0, 0, false, 3, null, "");
  }

  StepPlan failing(int times, int attempts) {
    return new StepPlan(parents, ms, times, hangs, permanent, attempts, timeoutMs, more);
  }

  StepPlan hanging(int times, int attempts, int timeout) {
    return new StepPlan(parents, ms, fails, times, permanent, attempts, timeout, more);
  }

  StepPlan failingForGood() {
    return new StepPlan(parents, ms, fails, hangs, true, maxAttempts, timeoutMs, more);
  }

  /** Its handler waits until the test opens the gate of this name. */
  StepPlan gated(String gate) {
    return with(", \"gate\": \"" + gate + "\"");
  }

  /** Its handler takes the process with it. */
  StepPlan deadly() {
    return with(", \"dies\": true");
  }

  private StepPlan with(String member) {
    return new StepPlan(parents, ms, fails, hangs, permanent, maxAttempts, timeoutMs, more + member);
  }

  /** The members of the step in its template, but for name and parents. */
  String settings(String handler) {
    return """
        "handler": "%s", "retry": {"max_attempts": %d, "backoff": "fixed", "base_ms": 50, "jitter": 0.5}%s, \
        "config": {"ms": %d, "fails": %d, "hangs": %d, "permanent": %b%s}""".formatted(
        handler, maxAttempts, timeoutMs == null ? "" : ", \"timeout_ms\": " + timeoutMs, ms, fails, hangs, permanent, more);
  }

  String[] parentNames() {
    return parents.stream().map(Plan::stepName).collect(Collectors.toList()).toArray(String[]::new);
  }
}
