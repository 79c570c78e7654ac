package io.taskercore.jruby;

import org.jruby.runtime.ThreadContext;
import org.jruby.runtime.builtin.IRubyObject;

/** Everything that Ruby calls runs in here, so that no Java exception gets out. */
final class Guard {

  private final RubyErrors errors;

  Guard(RubyErrors errors) {
    this.errors = errors;
  }

  @FunctionalInterface
  interface Body {
    IRubyObject run() throws Exception;
  }

  IRubyObject run(ThreadContext context, Body body) {
    try {
      return body.run();
    } catch (Throwable failure) {
      throw errors.translate(context, failure);
    }
  }
}
