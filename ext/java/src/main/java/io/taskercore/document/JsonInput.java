package io.taskercore.document;

import io.taskercore.model.Json;
import io.taskercore.model.TaskerException;
import java.io.OutputStream;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.JsonParser;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.ObjectWriteContext;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.exc.StreamConstraintsException;
import tools.jackson.core.json.JsonFactory;

/** The core's own Jackson factory: nothing here depends on defaults that an application may change. */
public final class JsonInput {

  /** A value may be nested 100 levels deep from its own root; the rest is for what a document wraps around it. */
  private static final int MAX_DEPTH = 128;

  private static final JsonFactory FACTORY =
      JsonFactory.builder()
          .streamReadConstraints(
              StreamReadConstraints.builder()
                  .maxNestingDepth(MAX_DEPTH)
                  // Integers of any size are values like others here; nothing parses them without a limit of its own.
                  .maxNumberLength(Integer.MAX_VALUE)
                  .maxStringLength(Integer.MAX_VALUE)
                  .build())
          .build();

  private static final JsonFactory STRICT =
      FACTORY.rebuild().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build();

  private JsonInput() {}

  /** A parser that refuses an object with the same key twice, for which it keeps a set of names per object. */
  static JsonParser strictParser(Json json) {
    return STRICT.createParser(ObjectReadContext.empty(), json.utf8(), 0, json.size());
  }

  /** A parser that accepts equal keys. */
  public static JsonParser parser(Json json) {
    return FACTORY.createParser(ObjectReadContext.empty(), json.utf8(), 0, json.size());
  }

  static JsonGenerator generator(OutputStream out) {
    return FACTORY.createGenerator(ObjectWriteContext.empty(), out);
  }

  /** The error for text that is not JSON, or is nested too deep. */
  public static TaskerException.Validation malformed(Path path, JacksonException e) {
    String where = e.getLocation() == null ? "" : " (at " + e.getLocation().offsetDescription() + ")";
    // In messages about its limits, the library uses the JVM's digits.
    String what = e instanceof StreamConstraintsException ? inAsciiDigits(e.getOriginalMessage()) : e.getOriginalMessage();
    return new TaskerException.Validation(path.text(), "cannot be read as JSON: " + what + where);
  }

  private static String inAsciiDigits(String text) {
    return text.codePoints()
        .map(c -> Character.isDigit(c) ? Character.forDigit(Character.digit(c, 10), 10) : c)
        .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
        .toString();
  }
}
