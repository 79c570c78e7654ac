package io.taskercore.metrics;

/**
 * How durations are spread.
 *
 * @param p50 in milliseconds, of the last minute, as are p95 and p99; 0 if there were none
 * @param count how many there were since the beginning
 * @param sumSeconds what these add up to
 */
record Percentiles(double p50, double p95, double p99, long count, double sumSeconds) {}
