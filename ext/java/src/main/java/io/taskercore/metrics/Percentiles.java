package io.taskercore.metrics;

/**
 * The spread of some durations.
 *
 * @param p50 in milliseconds, of the last minute, as are p95 and p99; 0 if there were none
 * @param count how many there have been since the beginning
 * @param sumSeconds their sum
 */
record Percentiles(double p50, double p95, double p99, long count, double sumSeconds) {}
