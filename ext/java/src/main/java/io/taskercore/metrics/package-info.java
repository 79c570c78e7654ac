/**
 * What the engine counts and times, and how it is told.
 *
 * <p>Written here and not taken from Micrometer: that and its Prometheus registry (1.15) bring 3.5 MB of jars, where the whole
 * core has 4, take 160 to 240 ms to start, and 300 ns for each duration of which percentiles are asked. Here all that is counted
 * of a step takes less than that, and there is nothing to start.
 */
package io.taskercore.metrics;
