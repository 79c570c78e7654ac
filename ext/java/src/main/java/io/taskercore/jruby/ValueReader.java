package io.taskercore.jruby;

import io.taskercore.model.Json;
import java.util.HashMap;
import java.util.Map;
import org.jcodings.specific.UTF8Encoding;
import org.jruby.Ruby;
import org.jruby.RubyArray;
import org.jruby.RubyBignum;
import org.jruby.RubyHash;
import org.jruby.RubyString;
import org.jruby.runtime.ThreadContext;
import org.jruby.runtime.builtin.IRubyObject;
import org.jruby.util.ByteList;
import org.jruby.util.StringSupport;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.json.JsonFactory;

/** JSON to Ruby value, in one visit. Keys are frozen, and each is made once per document. A reader serves one document. */
final class ValueReader {

  /** A payload's own depth, and the document that the core puts it in. */
  private static final int MAX_DEPTH = ValueWriter.MAX_DEPTH + 50;

  private static final JsonFactory FACTORY =
      JsonFactory.builder()
          .streamReadConstraints(
              StreamReadConstraints.builder()
                  .maxNestingDepth(MAX_DEPTH)
                  .maxNumberLength(Integer.MAX_VALUE)
                  .maxStringLength(Integer.MAX_VALUE)
                  .maxNameLength(Integer.MAX_VALUE)
                  .build())
          .enable(StreamReadFeature.USE_FAST_BIG_NUMBER_PARSER)
          .build();

  private final Ruby runtime;
  private final IRubyObject nil;
  private final JsonParser parser;
  private final Map<String, RubyString> keys = new HashMap<>();

  private ValueReader(ThreadContext context, JsonParser parser) {
    this.runtime = context.runtime;
    this.nil = context.nil;
    this.parser = parser;
  }

  static IRubyObject read(ThreadContext context, Json json) {
    try (JsonParser parser = FACTORY.createParser(ObjectReadContext.empty(), json.utf8())) {
      parser.nextToken();
      return new ValueReader(context, parser).value();
    }
  }

  private IRubyObject value() {
    return switch (parser.currentToken()) {
      case START_OBJECT -> hash();
      case START_ARRAY -> array();
      case VALUE_STRING -> string();
      case VALUE_NUMBER_INT -> integer();
      case VALUE_NUMBER_FLOAT -> floating();
      case VALUE_TRUE -> runtime.getTrue();
      case VALUE_FALSE -> runtime.getFalse();
      case VALUE_NULL -> nil;
      default -> throw new IllegalStateException("unexpected " + parser.currentToken());
    };
  }

  private RubyHash hash() {
    RubyHash hash = RubyHash.newHash(runtime);
    while (parser.nextToken() != JsonToken.END_OBJECT) {
      RubyString key = key(parser.currentName());
      parser.nextToken();
      hash.fastASet(key, value());
    }
    return hash;
  }

  private RubyArray<?> array() {
    RubyArray<?> array = RubyArray.newArray(runtime);
    while (parser.nextToken() != JsonToken.END_ARRAY) {
      array.append(value());
    }
    return array;
  }

  private RubyString key(String name) {
    RubyString key = keys.get(name);
    if (key == null) {
      key = runtime.freezeAndDedupString(RubyString.newUTF8String(runtime, name));
      keys.put(name, key);
    }
    return key;
  }

  private RubyString string() {
    char[] chars = parser.getStringCharacters();
    int begin = parser.getStringOffset();
    int length = parser.getStringLength();
    byte[] ascii = new byte[length];
    for (int i = 0; i < length; i++) {
      char c = chars[begin + i];
      if (c >= 0x80) {
        return RubyString.newUTF8String(runtime, new String(chars, begin, length));
      }
      ascii[i] = (byte) c;
    }
    RubyString string = RubyString.newStringNoCopy(runtime, new ByteList(ascii, UTF8Encoding.INSTANCE, false));
    string.setCodeRange(StringSupport.CR_7BIT);
    return string;
  }

  private IRubyObject integer() {
    return switch (parser.getNumberType()) {
      case INT, LONG -> runtime.newFixnum(parser.getLongValue());
      default -> RubyBignum.bignorm(runtime, parser.getBigIntegerValue());
    };
  }

  private IRubyObject floating() {
    double number = parser.getDoubleValue();
    if (Double.isInfinite(number)) {
      throw new IllegalStateException("a number beyond the range of Float");
    }
    return runtime.newFloat(number);
  }
}
