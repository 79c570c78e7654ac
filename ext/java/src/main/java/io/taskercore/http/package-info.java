/**
 * A port for probes and scrapers: each client asks once, is answered from memory, and is let go.
 *
 * <p>Written here and not taken from {@code com.sun.net.httpserver}, which was tried on Java 17 and 25 with all of its limits set.
 * It reads requests on the threads that answer, so that as many clients as it has threads, each with half a request, silence it for
 * {@code maxReqTime}. At {@code maxConnections} it turns away whoever comes next, the probe, and keeps those that stall. And its
 * limits are properties of the whole JVM, read once, when the first server is made: they would be the application's servers', too.
 * Here one thread reads and writes without ever waiting for a client, and the client that has been here longest makes room.
 */
package io.taskercore.http;
