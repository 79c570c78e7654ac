package io.taskercore.jruby;

/** The text is not the JSON that the core promised. The message says where, but never what: it may be anybody's data. */
final class UnreadableJson extends RuntimeException {

  private static final long serialVersionUID = 1L;

  UnreadableJson(String problem, int at) {
    super("not JSON: " + problem + " at byte " + at);
  }
}
