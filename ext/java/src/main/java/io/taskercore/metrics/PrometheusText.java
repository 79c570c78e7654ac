package io.taskercore.metrics;

/** Writes Prometheus's text format: for each family its meaning and type, then its samples. */
final class PrometheusText {

  private final StringBuilder text = new StringBuilder(4_096);
  private String name;

  PrometheusText family(String family, String help, String type) {
    name = family;
    text.append("# HELP ").append(family).append(' ').append(help).append(".\n");
    text.append("# TYPE ").append(family).append(' ').append(type).append('\n');
    return this;
  }

  /** @param suffix of the family's name, labels or both */
  PrometheusText sample(String suffix, double value) {
    text.append(name).append(suffix).append(' ');
    if (value == Math.rint(value) && Math.abs(value) < 1e15) {
      text.append((long) value);
    } else {
      text.append(value);
    }
    text.append('\n');
    return this;
  }

  void gauge(String family, String help, double value) {
    family(family, help, "gauge").sample("", value);
  }

  void counter(String family, String help, double value) {
    family(family, help, "counter").sample("", value);
  }

  void summary(String family, String help, Percentiles durations) {
    family(family, help, "summary")
        .sample("{quantile=\"0.5\"}", durations.p50() / 1_000)
        .sample("{quantile=\"0.95\"}", durations.p95() / 1_000)
        .sample("{quantile=\"0.99\"}", durations.p99() / 1_000)
        .sample("_sum", durations.sumSeconds())
        .sample("_count", durations.count());
  }

  @Override
  public String toString() {
    return text.toString();
  }
}
