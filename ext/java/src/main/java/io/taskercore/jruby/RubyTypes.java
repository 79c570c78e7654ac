package io.taskercore.jruby;

import org.jruby.RubyClass;
import org.jruby.runtime.builtin.IRubyObject;

/** Questions of the bridge about Ruby classes, answered without calling Ruby code. */
final class RubyTypes {

  private RubyTypes() {}

  static String nameOf(IRubyObject value) {
    return value.getMetaClass().getRealClass().getName();
  }

  /**
   * Whether the value is an instance of a class that this runtime may or may not have. The value's own ancestors are asked, not the
   * constant. The constant may not be loaded yet although the class exists, and we must not load it.
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
