package io.taskercore.fault;

import java.util.List;

/**
 * What the handler of a step does, whoever runs it; it travels in the step's config.
 *
 * @param parents ordinals
 * @param ms how long the handler takes, in milliseconds
 * @param fails so many attempts fail transiently, the crashed ones among them counted; {@link #ALWAYS}: all
 * @param hangs so many attempts run into the time-out
 * @param permanent fails for good where it would succeed
 * @param deadly its handler takes the process with it
 * @param gate its handler waits until the test opens the gate of this name; null: it does not
 * @param maxAttempts of the template; crashes are not among them
 * @param timeoutMs of the template; null: the default
 */
record StepPlan(
    List<Integer> parents,
    int ms,
    int fails,
    int hangs,
    boolean permanent,
    boolean deadly,
    String gate,
    int maxAttempts,
    Integer timeoutMs) {

  static final int ALWAYS = 1_000;

  /** Keeps sums over deep graphs within a long. */
  static final long MODULUS = 1_000_003;

  static StepPlan step(int ms, Integer... parents) {
    return new StepPlan(List.of(parents), ms, 0, 0, false, false, null, 3, null);
  }

  StepPlan failing(int times, int attempts) {
    return new StepPlan(parents, ms, times, hangs, permanent, deadly, gate, attempts, timeoutMs);
  }

  StepPlan hanging(int times, int attempts, int timeout) {
    return new StepPlan(parents, ms, fails, times, permanent, deadly, gate, attempts, timeout);
  }

  StepPlan failingForGood() {
    return new StepPlan(parents, ms, fails, hangs, true, deadly, gate, maxAttempts, timeoutMs);
  }

  StepPlan gated(String name) {
    return new StepPlan(parents, ms, fails, hangs, permanent, deadly, name, maxAttempts, timeoutMs);
  }

  StepPlan killingItsProcess() {
    return new StepPlan(parents, ms, fails, hangs, permanent, true, gate, maxAttempts, timeoutMs);
  }

  /** How many attempts come to nothing before one is the last. */
  int troubles() {
    return Math.max(fails, hangs);
  }

  /** The members of the step in its template, but for name and parents. */
  String settings(String handler) {
    return """
        "handler": "%s", "retry": {"max_attempts": %d, "backoff": "fixed", "base_ms": 50, "jitter": 0.5}%s, \
        "config": {"ms": %d, "fails": %d, "hangs": %d, "permanent": %b, "deadly": %b%s}""".formatted(
        handler, maxAttempts, timeoutMs == null ? "" : ", \"timeout_ms\": " + timeoutMs, ms, fails, hangs, permanent, deadly,
        gate == null ? "" : ", \"gate\": \"" + gate + "\"");
  }

  String[] parentNames() {
    return parents.stream().map(Plan::stepName).toArray(String[]::new);
  }
}
