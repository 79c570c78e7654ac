package io.taskercore.http;

/**
 * What clients may cost.
 *
 * @param clients how many there are at once; one more, and the one that came first has to go
 * @param headBytes the request line and all headers together
 * @param clientMs from the connection to the end, whatever the client does meanwhile
 * @param lingerMs how much of that is left once the answer is sent, for the client to close first
 */
record Limits(int clients, int headBytes, long clientMs, long lingerMs) {

  static final Limits DEFAULT = new Limits(64, 8_192, 5_000, 1_000);
}
