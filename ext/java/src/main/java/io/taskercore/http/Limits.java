package io.taskercore.http;

/**
 * How much clients may cost.
 *
 * @param clients how many there may be at once; when one more comes, the one that came first has to go
 * @param headBytes the size of the request line and all headers together
 * @param clientMs from the connection to the end, whatever the client does meanwhile
 * @param lingerMs how much of that is left once the answer is sent, for the client to close first
 */
record Limits(int clients, int headBytes, long clientMs, long lingerMs) {

  static final Limits DEFAULT = new Limits(64, 8_192, 5_000, 1_000);
}
