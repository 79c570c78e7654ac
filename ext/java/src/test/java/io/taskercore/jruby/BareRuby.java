package io.taskercore.jruby;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jruby.Ruby;
import org.jruby.RubyArray;
import org.jruby.RubyBignum;
import org.jruby.RubyFixnum;
import org.jruby.RubyFloat;
import org.jruby.RubyHash;
import org.jruby.RubyInstanceConfig;
import org.jruby.RubyString;
import org.jruby.runtime.ThreadContext;
import org.jruby.runtime.builtin.IRubyObject;

/** A Ruby runtime for tests of the value crossing, which need its objects and nothing of its libraries. */
final class BareRuby {

  private static final Ruby RUNTIME = start();

  private BareRuby() {}

  private static Ruby start() {
    RubyInstanceConfig config = new RubyInstanceConfig();
    config.setDisableGems(true);
    return Ruby.newInstance(config);
  }

  static ThreadContext context() {
    return RUNTIME.getCurrentContext();
  }

  /** What a Ruby value is in Java: null, Boolean, String, BigInteger, Double, List or Map. */
  static Object toJava(IRubyObject value) {
    if (value.isNil()) {
      return null;
    } else if (value instanceof RubyFixnum fixnum) {
      return BigInteger.valueOf(fixnum.getLongValue());
    } else if (value instanceof RubyBignum bignum) {
      return bignum.getValue();
    } else if (value instanceof RubyFloat number) {
      return number.getValue();
    } else if (value instanceof RubyString string) {
      return text(string);
    } else if (value instanceof RubyArray<?> array) {
      List<Object> list = new ArrayList<>();
      for (int i = 0; i < array.getLength(); i++) {
        list.add(toJava(array.eltOk(i)));
      }
      return list;
    } else if (value instanceof RubyHash hash) {
      Map<String, Object> map = new LinkedHashMap<>();
      for (Object entry : hash.directEntrySet()) {
        Map.Entry<?, ?> pair = (Map.Entry<?, ?>) entry;
        map.put(text((RubyString) pair.getKey()), toJava((IRubyObject) pair.getValue()));
      }
      return map;
    }
    return value.isTrue();
  }

  private static String text(RubyString string) {
    if (!string.getEncoding().toString().equals("UTF-8") || string.isBrokenString()) {
      throw new AssertionError("a String that is not valid UTF-8: " + string.getEncoding());
    }
    return string.asJavaString();
  }
}
