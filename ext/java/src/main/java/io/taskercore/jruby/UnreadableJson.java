package io.taskercore.jruby;

/** A text that is not the JSON that the core promised. Tells where, never what: it may be anybody's data. */
final class UnreadableJson extends RuntimeException {

  private static final long serialVersionUID = 1L;

  UnreadableJson(String problem, int at) {
    super("not JSON: " + problem + " at byte " + at);
  }
}
