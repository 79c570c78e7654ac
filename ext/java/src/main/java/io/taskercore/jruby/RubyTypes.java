package io.taskercore.jruby;

import org.jruby.RubyModule;
import org.jruby.runtime.ThreadContext;
import org.jruby.runtime.builtin.IRubyObject;

/** Ruby classes as the bridge asks about them, without calling Ruby code. */
final class RubyTypes {

  private RubyTypes() {}

  static String nameOf(IRubyObject value) {
    return value.getMetaClass().getRealClass().getName();
  }

  /** Whether the value is an instance of a class that this runtime may or may not have; never loads it. */
  static boolean isA(ThreadContext context, IRubyObject value, String... path) {
    RubyModule module = context.runtime.getObject();
    for (String name : path) {
      IRubyObject constant = module.getConstantNoConstMissingSkipAutoload(name);
      if (!(constant instanceof RubyModule found)) {
        return false;
      }
      module = found;
    }
    return module.isInstance(value);
  }
}
