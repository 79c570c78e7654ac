package io.taskercore.jruby;

import org.jruby.runtime.builtin.IRubyObject;

/** A method was given an argument of the wrong Ruby type. */
final class InvalidType extends RuntimeException {

  private static final long serialVersionUID = 1L;

  InvalidType(String argument, String expected, IRubyObject given) {
    super(argument + " must be " + expected + ", not an instance of " + RubyTypes.nameOf(given), null, false, false);
  }
}
