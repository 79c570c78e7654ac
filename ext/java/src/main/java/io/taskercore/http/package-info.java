/**
 * A port for probes and scrapers: each client asks once, is answered from memory, and is let go.
 *
 * <p>Written here and not taken from {@code com.sun.net.httpserver}, which was tried on Java 17 and 25 with all of its limits set. It
 * reads requests on the threads that answer. So if as many clients as it has threads send half a request each, they silence it for
 * {@code maxReqTime}. At {@code maxConnections} it turns away the client that comes next, which is the probe, and keeps those that stall.
 * Its limits are properties of the whole JVM, read once, when the first server is made: they would also apply to the application's
 * servers. Here one thread reads and writes without ever waiting for a client, and the client that has been here longest makes room.
 */
package io.taskercore.http;
