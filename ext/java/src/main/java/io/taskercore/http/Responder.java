package io.taskercore.http;

/** Knows the answers. It is asked on the one thread that serves all clients, so it must not wait for anything. */
@FunctionalInterface
public interface Responder {

  /** @param path of a GET or a HEAD, without the query */
  Answer answer(String path);
}
