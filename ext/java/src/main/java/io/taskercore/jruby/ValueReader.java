package io.taskercore.jruby;

import io.taskercore.model.Json;
import java.util.Arrays;
import org.jruby.Ruby;
import org.jruby.RubyArray;
import org.jruby.RubyHash;
import org.jruby.RubyString;
import org.jruby.runtime.ThreadContext;
import org.jruby.runtime.builtin.IRubyObject;

/**
 * Reads JSON into a Ruby value, in one visit, from bytes directly to Ruby's objects.
 *
 * <p>Strict, as RFC 8259 demands. It also refuses half a surrogate pair, which is no text, and a number that is too large for a Float. Of
 * equal keys the last one counts. A reader serves one document.
 */
final class ValueReader {

  /** A payload's own depth, plus that of the document that the core puts it in. */
  static final int MAX_DEPTH = ValueWriter.MAX_DEPTH + 50;

  private final Ruby runtime;
  private final IRubyObject nil;
  private final JsonText text;
  private final TextReader texts;
  private final NumberReader numbers;

  /** The elements of arrays that have not been read to their end yet; those of the innermost array come last. */
  private IRubyObject[] elements = new IRubyObject[16];

  private int elementCount;
  private int depth;

  private ValueReader(ThreadContext context, JsonText text) {
    this.runtime = context.runtime;
    this.nil = context.nil;
    this.text = text;
    this.texts = new TextReader(runtime, text, KeyCache.of(context));
    this.numbers = new NumberReader(runtime, text);
  }

  /** @throws UnreadableJson if it is not JSON */
  static IRubyObject read(ThreadContext context, Json json) {
    return new ValueReader(context, new JsonText(json.utf8())).document();
  }

  private IRubyObject document() {
    IRubyObject value = value();
    text.expectEnd();
    return value;
  }

  private IRubyObject value() {
    return switch (text.peek()) {
      case '"' -> texts.value();
      case '{' -> hash();
      case '[' -> array();
      case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9' -> numbers.read();
      case 't' -> literal("true", runtime.getTrue());
      case 'f' -> literal("false", runtime.getFalse());
      case 'n' -> literal("null", nil);
      default -> throw text.unexpected();
    };
  }

  private IRubyObject literal(String literal, IRubyObject value) {
    text.expect(literal);
    return value;
  }

  private RubyHash hash() {
    enter();
    RubyHash hash = RubyHash.newHash(runtime);
    if (text.peek() != '}') {
      do {
        if (text.peek() != '"') {
          throw text.unexpected();
        }
        RubyString key = texts.key();
        text.expect(':');
        hash.fastASet(key, value());
      } while (text.skip(','));
    }
    text.expect('}');
    depth--;
    return hash;
  }

  private RubyArray<?> array() {
    enter();
    int begin = elementCount;
    if (text.peek() != ']') {
      do {
        add(value());
      } while (text.skip(','));
    }
    text.expect(']');
    depth--;
    IRubyObject[] own = Arrays.copyOfRange(elements, begin, elementCount);
    elementCount = begin;
    return RubyArray.newArrayNoCopy(runtime, own);
  }

  private void add(IRubyObject element) {
    if (elementCount == elements.length) {
      elements = Arrays.copyOf(elements, elementCount * 2);
    }
    elements[elementCount++] = element;
  }

  private void enter() {
    if (++depth > MAX_DEPTH) {
      throw new UnreadableJson("more than " + MAX_DEPTH + " levels", text.at);
    }
    text.at++;
  }
}
