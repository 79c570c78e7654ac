package io.taskercore.jruby;

import io.taskercore.model.Json;
import io.taskercore.model.PlainNumber;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.Set;
import org.jcodings.Encoding;
import org.jcodings.specific.ASCIIEncoding;
import org.jcodings.specific.USASCIIEncoding;
import org.jcodings.specific.UTF8Encoding;
import org.joda.time.format.DateTimeFormat;
import org.joda.time.format.DateTimeFormatter;
import org.jruby.RubyArray;
import org.jruby.RubyBignum;
import org.jruby.RubyBoolean;
import org.jruby.RubyFixnum;
import org.jruby.RubyFloat;
import org.jruby.RubyGlobal;
import org.jruby.RubyHash;
import org.jruby.RubyNumeric;
import org.jruby.RubyString;
import org.jruby.RubyStruct;
import org.jruby.RubySymbol;
import org.jruby.RubyTime;
import org.jruby.ext.bigdecimal.RubyBigDecimal;
import org.jruby.ext.set.RubySet;
import org.jruby.runtime.ThreadContext;
import org.jruby.runtime.builtin.IRubyObject;
import org.jruby.util.ByteList;
import org.jruby.util.StringSupport;

/**
 * Writes a Ruby value as JSON, in one visit, directly to UTF-8 bytes.
 *
 * <p>Strict: a value that would not come back as it went is refused, with its path, and no object is asked for its {@code to_json}. A
 * writer serves one value.
 */
final class ValueWriter {

  /** Containers within containers, counted from the value's own root, as in Ruby's own JSON library. */
  static final int MAX_DEPTH = 100;

  /** The size limit of a template, and of a request without its payload. */
  static final int MAX_DOCUMENT_BYTES = 16 << 20;

  /** The most digits in PostgreSQL's {@code numeric}, by which it compares numbers in JSON. */
  private static final int MAX_DIGITS = 131_072;

  private static final byte[] NULL = ascii("null");
  private static final byte[] TRUE = ascii("true");
  private static final byte[] FALSE = ascii("false");
  private static final ByteList PAYLOAD = new ByteList(ascii("payload"), false);
  private static final ByteList DATA = new ByteList(ascii("data"), false);

  /** The form of Ruby's {@code Time#iso8601(3)}: cut, not rounded, with {@code Z} only for a time that is in UTC by name. */
  private static final DateTimeFormatter UTC_TIME = DateTimeFormat.forPattern("yyyy-MM-dd'T'HH:mm:ss.SSS'Z'");

  private static final DateTimeFormatter OFFSET_TIME = DateTimeFormat.forPattern("yyyy-MM-dd'T'HH:mm:ss.SSSZZ");

  private static final RubyHash.VisitorWithState<ValueWriter> ENTRY =
      new RubyHash.VisitorWithState<>() {
        @Override
        public void visit(ThreadContext context, RubyHash hash, IRubyObject key, IRubyObject value, int index, ValueWriter writer) {
          writer.entry(key, value);
        }
      };

  /** Kinds of keys found in one Hash. If all keys are of one of the first two kinds, they cannot collide; otherwise they may. */
  private static final int STRING_KEY = 1;

  private static final int SYMBOL_KEY = 2;
  private static final int TRANSCODED_KEY = 4;

  private final ThreadContext context;
  private final JsonBuffer json = new JsonBuffer();

  /** The containers that are being written, outermost first. They distinguish a cycle from mere depth. */
  private final IRubyObject[] open = new IRubyObject[MAX_DEPTH];

  private int depth;

  /** How many bytes the text may reach. The part beyond {@link #limitStart} is what the value being written may have. */
  private int limit;

  private int limitStart;

  private int keyKinds;

  /** The value under this key has a depth and a size limit of its own. Null if there is no such key, or it has been written. */
  private ByteList payloadKey;

  /** How many bytes the value under {@link #payloadKey} may have. */
  private int maxPayloadBytes;

  /** How many path segments lead from the given value to the root from which depth and size are counted. */
  private int rootSegments;

  private ValueWriter(ThreadContext context, int limit) {
    this.context = context;
    this.limit = limit;
  }

  /**
   * Writes any value.
   *
   * @param root its name in refusals, such as {@code result}
   * @param maxBytes the most bytes that its JSON may have
   */
  static Json write(ThreadContext context, IRubyObject value, String root, int maxBytes) {
    return new ValueWriter(context, maxBytes).toJson(value, root);
  }

  /**
   * Writes a task request. Depth and size of its payload are counted from the payload's own root.
   *
   * @param root its name in refusals; empty for a request that comes alone
   */
  static Json writeRequest(ThreadContext context, RubyHash request, String root, int maxPayloadBytes) {
    return writeAround(PAYLOAD, context, request, root, maxPayloadBytes);
  }

  /** Writes an event. Depth and size of its data are counted from the data's own root. */
  static Json writeEvent(ThreadContext context, RubyHash event, int maxDataBytes) {
    return writeAround(DATA, context, event, "", maxDataBytes);
  }

  private static Json writeAround(ByteList payloadKey, ThreadContext context, RubyHash document, String root, int maxPayloadBytes) {
    ValueWriter writer = new ValueWriter(context, MAX_DOCUMENT_BYTES);
    writer.payloadKey = payloadKey;
    writer.maxPayloadBytes = maxPayloadBytes;
    return writer.toJson(document, root);
  }

  /** The text of a String or a Symbol as it would be written. */
  static String text(ThreadContext context, IRubyObject text, String root) {
    ValueWriter writer = new ValueWriter(context, MAX_DOCUMENT_BYTES);
    writer.toJson(text, root);
    return writer.name(text);
  }

  private Json toJson(IRubyObject value, String root) {
    try {
      value(value);
      return json.toJson();
    } catch (Refusal refusal) {
      throw refusal.at(root);
    }
  }

  private void value(IRubyObject value) {
    if (value instanceof RubyString string) {
      string(string);
    } else if (value instanceof RubyFixnum fixnum) {
      json.number(fixnum.getLongValue());
    } else if (value instanceof RubyHash hash) {
      hash(hash, hash);
    } else if (value instanceof RubyArray<?> array) {
      array(array, array);
    } else if (value instanceof RubySymbol symbol) {
      symbol(symbol);
    } else if (value.isNil()) {
      json.raw(NULL);
    } else if (value == context.tru) {
      json.raw(TRUE);
    } else if (value == context.fals) {
      json.raw(FALSE);
    } else if (value instanceof RubyFloat number) {
      floating(number.getValue());
    } else {
      rareValue(value);
    }
    if (json.size() > limit) {
      throw tooLarge();
    }
  }

  private void rareValue(IRubyObject value) {
    if (value instanceof RubyBignum bignum) {
      integer(bignum.getValue());
    } else if (value instanceof RubyTime time) {
      text((time.isUTC() ? UTC_TIME : OFFSET_TIME).print(time.getDateTime()));
    } else if (value instanceof RubyBigDecimal decimal) {
      decimal(decimal);
    } else if (value instanceof RubySet) {
      container(value, "to_a");
    } else if (value instanceof RubyStruct || RubyTypes.isA(value, "Data")) {
      container(value, "to_h");
    } else if (RubyTypes.isA(value, "DateTime") || RubyTypes.isA(value, "ActiveSupport::TimeWithZone")) {
      value(Conversion.of(context, value, "iso8601", context.runtime.newFixnum(3)));
    } else if (RubyTypes.isA(value, "Date")) {
      value(Conversion.of(context, value, "iso8601"));
    } else if (RubyTypes.isA(value, "TaskerCore::Result")) {
      container(value, "to_h");
    } else if (RubyTypes.isA(value, "ActionController::Parameters")) {
      parameters(value);
    } else {
      throw new Refusal(
          "an instance of "
              + RubyTypes.nameOf(value)
              + " has no JSON form; give a Hash, Array, String, Symbol, number, time, true, false or nil");
    }
  }

  private void string(RubyString string) {
    utf8((isUtf8(string) ? string : transcoded(string)).getByteList());
  }

  private static boolean isUtf8(RubyString string) {
    int codeRange = string.scanForCodeRange();
    Encoding encoding = string.getEncoding();
    return encoding == UTF8Encoding.INSTANCE
        ? codeRange != StringSupport.CR_BROKEN
        : codeRange == StringSupport.CR_7BIT && isAsciiBased(encoding);
  }

  /** UTF-7 and ISO-2022-JP consist of ASCII bytes that mean something else. */
  private static boolean isAsciiBased(Encoding encoding) {
    return encoding.isAsciiCompatible() && !encoding.isDummy();
  }

  private RubyString transcoded(RubyString string) {
    Encoding encoding = string.getEncoding();
    if (encoding == ASCIIEncoding.INSTANCE) {
      throw new Refusal("is binary (ASCII-8BIT): encode it, as Base64 for instance, or force the encoding that it really has");
    }
    if (string.isBrokenString()) {
      throw new Refusal("is not valid " + encoding + ": force the encoding that it really has, or scrub it");
    }
    IRubyObject text;
    try {
      text = Conversion.of(context, string, "encode", context.runtime.newString("UTF-8"));
    } catch (Refusal refusal) {
      throw new Refusal("cannot be transcoded from " + encoding + " to UTF-8: " + refusal.getMessage());
    }
    if (text instanceof RubyString utf8 && isUtf8(utf8)) {
      return utf8;
    }
    throw new Refusal("cannot be transcoded from " + encoding + " to UTF-8: its encode gave no such text");
  }

  private void symbol(RubySymbol symbol) {
    if (isAscii(symbol)) {
      utf8(symbol.getBytes());
    } else {
      string((RubyString) symbol.to_s(context));
    }
  }

  private static boolean isAscii(RubySymbol symbol) {
    return symbol.getEncoding() == USASCIIEncoding.INSTANCE;
  }

  private void utf8(ByteList text) {
    if (text.getRealSize() > limit - json.size()) {
      throw tooLarge();
    }
    if (!json.string(text.getUnsafeBytes(), text.getBegin(), text.getRealSize())) {
      throw new Refusal("holds a NUL character, which PostgreSQL cannot store: remove it");
    }
  }

  private void text(String ascii) {
    json.token('"');
    json.raw(ascii);
    json.token('"');
  }

  private void floating(double number) {
    if (!Double.isFinite(number)) {
      throw notFinite(Double.toString(number));
    }
    json.raw(PlainNumber.of(number));
  }

  private void integer(BigInteger number) {
    if (number.bitLength() / 4 > limit - json.size()) {
      throw tooLarge();
    }
    String digits = number.abs().toString();
    if (digits.length() > MAX_DIGITS) {
      throw new Refusal("is an Integer of more than 131,072 digits, which PostgreSQL cannot compare: give it as a String");
    }
    json.raw(number.signum() < 0 ? "-" + digits : digits);
  }

  private void decimal(RubyBigDecimal decimal) {
    if (!decimal.callMethod(context, "finite?").isTrue()) {
      throw notFinite(decimal.callMethod(context, "to_s").asJavaString());
    }
    BigDecimal plain = decimal.getValue().stripTrailingZeros();
    // 1e1000000 has few bytes as it is, and a million when it is written out.
    if (Math.abs((long) plain.scale()) + plain.precision() > limit - json.size()) {
      throw tooLarge();
    }
    String sign = plain.signum() == 0 && isNegativeZero(decimal) ? "-" : "";
    text(sign + plain.toPlainString() + (plain.scale() <= 0 ? ".0" : ""));
  }

  private boolean isNegativeZero(RubyBigDecimal zero) {
    return zero.callMethod(context, "to_s").asJavaString().startsWith("-");
  }

  private void parameters(IRubyObject parameters) {
    if (!Conversion.of(context, parameters, "permitted?").isTrue()) {
      throw new Refusal("holds unpermitted parameters: call permit first");
    }
    container(parameters, "to_h");
  }

  /** Writes a value that becomes a Hash or an Array. A cycle leads back to the value itself, not to what it becomes. */
  private void container(IRubyObject value, String conversion) {
    IRubyObject converted = Conversion.of(context, value, conversion);
    if (converted instanceof RubyHash hash) {
      hash(hash, value);
    } else if (converted instanceof RubyArray<?> array) {
      array(array, value);
    } else {
      throw new Refusal(RubyTypes.nameOf(value) + "#" + conversion + " gave an instance of " + RubyTypes.nameOf(converted));
    }
  }

  private void array(RubyArray<?> array, IRubyObject identity) {
    enter(identity);
    json.token('[');
    for (int i = 0; i < array.getLength(); i++) {
      json.separate('[');
      try {
        value(array.eltOk(i));
      } catch (Refusal refusal) {
        throw refusal.within(i);
      }
    }
    json.token(']');
    leave();
  }

  private void hash(RubyHash hash, IRubyObject identity) {
    if (hash instanceof RubyGlobal.StringOnlyRubyHash) {
      // In JRuby, ENV is a Hash. Nobody intends to store the secrets in it.
      throw new Refusal("is the environment of the whole process: give the variables that are meant");
    }
    enter(identity);
    json.token('{');
    int outerKinds = keyKinds;
    keyKinds = 0;
    hash.visitAll(context, ENTRY, this);
    json.token('}');
    if (keyKinds > SYMBOL_KEY || hash.isComparedByIdentity()) {
      refuseCollidingKeys(hash);
    }
    keyKinds = outerKinds;
    leave();
  }

  private void entry(IRubyObject key, IRubyObject value) {
    json.separate('{');
    try {
      key(key);
      json.token(':');
      if (payloadKey != null && depth == 1 && isPayload(key)) {
        payload(value);
      } else {
        value(value);
      }
    } catch (Refusal refusal) {
      throw isKey(key) ? refusal.within(name(key)) : refusal;
    }
  }

  private void key(IRubyObject key) {
    if (key instanceof RubyString string) {
      keyKinds |= isUtf8(string) ? STRING_KEY : TRANSCODED_KEY;
      string(string);
    } else if (key instanceof RubySymbol symbol) {
      keyKinds |= isAscii(symbol) || symbol.getEncoding() == UTF8Encoding.INSTANCE ? SYMBOL_KEY : TRANSCODED_KEY;
      symbol(symbol);
    } else {
      // YAML turns on and yes into true, and many other texts into numbers.
      boolean mayBeText = key instanceof RubyBoolean || key instanceof RubyNumeric || key.isNil();
      String quotes = mayBeText ? "; in YAML, write it in quotes" : "";
      throw new Refusal("has a key that is an instance of " + RubyTypes.nameOf(key) + ": keys are Strings or Symbols" + quotes);
    }
  }

  private void payload(IRubyObject payload) {
    int outerLimit = limit;
    limitStart = json.size();
    limit = (int) Math.min(Integer.MAX_VALUE, (long) limitStart + maxPayloadBytes);
    payloadKey = null;
    depth = 0;
    rootSegments = 1;
    value(payload);
    rootSegments = 0;
    depth = 1;
    limit = outerLimit + json.size() - limitStart;
    limitStart = json.size() - limitStart;
  }

  private boolean isPayload(IRubyObject key) {
    ByteList name = key instanceof RubyString string ? string.getByteList() : ((RubySymbol) key).getBytes();
    return name.equal(payloadKey);
  }

  private void refuseCollidingKeys(RubyHash hash) {
    Set<String> seen = new HashSet<>();
    RubyArray<?> keys = hash.keys(context);
    for (int i = 0; i < keys.getLength(); i++) {
      String name = name(keys.eltOk(i));
      if (!seen.add(name)) {
        throw new Refusal("two keys become this one (a String and a Symbol, for instance): keep one").within(name);
      }
    }
  }

  private static boolean isKey(IRubyObject key) {
    return key instanceof RubyString || key instanceof RubySymbol;
  }

  /** The key as it is written, if it can be. Java's own reading of the bytes differs for some encodings, and for all Symbols. */
  private String name(IRubyObject key) {
    RubyString name = key instanceof RubyString string ? string : (RubyString) ((RubySymbol) key).to_s(context);
    try {
      ByteList utf8 = (isUtf8(name) ? name : transcoded(name)).getByteList();
      return new String(utf8.getUnsafeBytes(), utf8.getBegin(), utf8.getRealSize(), StandardCharsets.UTF_8);
    } catch (Refusal unwritable) {
      return name.asJavaString();
    }
  }

  private void enter(IRubyObject container) {
    if (depth == MAX_DEPTH) {
      throw tooDeep(container);
    }
    open[depth++] = container;
  }

  private void leave() {
    open[--depth] = null;
  }

  private Refusal tooDeep(IRubyObject container) {
    for (int inner = 1; inner <= MAX_DEPTH; inner++) {
      IRubyObject candidate = inner == MAX_DEPTH ? container : open[inner];
      for (int outer = 0; outer < inner; outer++) {
        if (open[outer] == candidate) {
          return new Refusal("contains itself: break the cycle", rootSegments + inner);
        }
      }
    }
    return new Refusal("is nested deeper than " + MAX_DEPTH + " levels: flatten it");
  }

  private Refusal tooLarge() {
    return new Refusal(
        "takes more than the " + (limit - limitStart) + " bytes allowed as JSON: store it elsewhere and pass a reference",
        rootSegments);
  }

  private static Refusal notFinite(String number) {
    return new Refusal("is " + number + ", which JSON cannot hold: use nil or a String");
  }

  private static byte[] ascii(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }
}
