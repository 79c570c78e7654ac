package io.taskercore.model;

import java.io.ByteArrayOutputStream;
import java.time.Instant;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeFormatterBuilder;
import java.util.Collection;
import java.util.Locale;
import java.util.function.Consumer;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.ObjectWriteContext;
import tools.jackson.core.json.JsonFactory;

/** Writes the documents that the core answers with; opaque values are written as they are. */
public final class JsonWriter {

  private static final JsonFactory FACTORY = JsonFactory.builder().build();

  /** UTC with exactly three digits of a second: every time that leaves the core has this form. */
  private static final DateTimeFormatter TIME = new DateTimeFormatterBuilder().appendInstant(3).toFormatter(Locale.ROOT);

  private final JsonGenerator out;

  private JsonWriter(JsonGenerator out) {
    this.out = out;
  }

  /** One JSON object, whose members the given block writes. */
  public static Json object(Consumer<JsonWriter> members) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream(512);
    try (JsonGenerator out = FACTORY.createGenerator(ObjectWriteContext.empty(), bytes)) {
      out.writeStartObject();
      members.accept(new JsonWriter(out));
      out.writeEndObject();
    }
    return new Json(bytes.toByteArray());
  }

  /** One JSON array of the given documents. */
  public static Json array(Collection<Json> elements) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream(64 * (elements.size() + 1));
    try (JsonGenerator out = FACTORY.createGenerator(ObjectWriteContext.empty(), bytes)) {
      out.writeStartArray();
      elements.forEach(element -> raw(out, element));
      out.writeEndArray();
    }
    return new Json(bytes.toByteArray());
  }

  /** One JSON string. */
  /** An array of integers. */
  public static Json integers(Collection<Long> values) {
    return array(values.stream().map(value -> Json.of(String.valueOf(value))).toList());
  }

  public static Json string(String value) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream(value.length() + 2);
    try (JsonGenerator out = FACTORY.createGenerator(ObjectWriteContext.empty(), bytes)) {
      out.writeString(value);
    }
    return new Json(bytes.toByteArray());
  }

  public static String time(Instant instant) {
    return TIME.format(instant);
  }

  public JsonWriter put(String name, String value) {
    out.writeName(name);
    if (value == null) {
      out.writeNull();
    } else {
      out.writeString(value);
    }
    return this;
  }

  public JsonWriter put(String name, long value) {
    out.writeName(name).writeNumber(value);
    return this;
  }

  public JsonWriter put(String name, Long value) {
    out.writeName(name);
    if (value == null) {
      out.writeNull();
    } else {
      out.writeNumber(value);
    }
    return this;
  }

  public JsonWriter put(String name, double value) {
    out.writeName(name).writeNumber(value);
    return this;
  }

  public JsonWriter put(String name, boolean value) {
    out.writeName(name).writeBoolean(value);
    return this;
  }

  public JsonWriter put(String name, Instant value) {
    return put(name, value == null ? null : time(value));
  }

  public JsonWriter put(String name, Json value) {
    out.writeName(name);
    raw(out, value == null ? Json.NULL : value);
    return this;
  }

  public JsonWriter put(String name, Collection<String> values) {
    out.writeName(name).writeStartArray();
    values.forEach(out::writeString);
    out.writeEndArray();
    return this;
  }

  private static void raw(JsonGenerator out, Json value) {
    out.writeRawValue(value.text());
  }
}
