/** The core's own threads, and how they wait for each other. */
package io.taskercore.engine.threads;
