package io.taskercore.jruby;

import org.jruby.RubyClass;
import org.jruby.runtime.builtin.IRubyObject;

/** Ruby classes as the bridge asks about them, without calling Ruby code. */
final class RubyTypes {

  private RubyTypes() {}

  static String nameOf(IRubyObject value) {
    return value.getMetaClass().getRealClass().getName();
  }

  /**
   * Whether the value is an instance of a class that this runtime may or may not have. The value's own ancestors are asked, not the
   * constant: that may wait to be loaded although the class is there, and must not be loaded by us.
   *
   * @param className in full, such as {@code ActiveSupport::TimeWithZone}
   */
  static boolean isA(IRubyObject value, String className) {
    RubyClass ancestor = value.getMetaClass().getRealClass();
    while (ancestor != null && !className.equals(ancestor.getName())) {
      RubyClass parent = ancestor.getSuperClass();
      ancestor = parent == null ? null : parent.getRealClass();
    }
    return ancestor != null;
  }
}
