package io.taskercore.template;

import com.networknt.schema.AbsoluteIri;
import com.networknt.schema.InputFormat;
import com.networknt.schema.Schema;
import com.networknt.schema.SchemaLocation;
import com.networknt.schema.SchemaRegistry;
import com.networknt.schema.SchemaRegistryConfig;
import com.networknt.schema.dialect.Dialect;
import com.networknt.schema.dialect.Dialects;
import com.networknt.schema.format.Formats;
import com.networknt.schema.resource.ClasspathResourceLoader;
import com.networknt.schema.resource.InputStreamSource;
import com.networknt.schema.resource.SchemaLoader;
import com.networknt.schema.serialization.NodeReader;
import io.taskercore.document.Path;
import io.taskercore.model.Json;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import tools.jackson.databind.JsonNode;

/** The validator, set up so that it reads nothing but the meta-schemas in its own jar. Loaded with the first schema. */
final class SchemaLibrary {

  /** All schemas are of this dialect, including those that do not say so. */
  private static final Dialect DIALECT =
      Dialect.builder(Dialects.getDraft202012()).formats(SchemaFormats.mended(Formats.DEFAULT)).build();

  private static final SchemaRegistryConfig CONFIG =
      SchemaRegistryConfig.builder()
          .formatAssertionsEnabled(true)
          // For JSON Schema, 1.0 is an integer.
          .losslessNarrowing(true)
          .regularExpressionFactory(SchemaPattern::of)
          .locale(Locale.ROOT)
          // SchemaMessages writes the messages. Without this, the validator loads resource bundles for its own.
          .messageSource((key, otherwise, locale, arguments) -> key)
          .build();

  private SchemaLibrary() {}

  /** The schema of schemas. */
  static Schema metaSchema() {
    return MetaSchema.INSTANCE;
  }

  /** Has a class of its own, so that a process that only reads stored schemas does not load it. */
  private static final class MetaSchema {
    static final Schema INSTANCE = registry().getSchema(SchemaLocation.of(DIALECT.getId()));
  }

  /** Each schema has a registry of its own. A shared one would grow with the schemas, and mix up two schemas with the same {@code $id}. */
  static Schema compile(JsonNode schema) {
    Schema compiled = registry().getSchema(schema);
    compiled.initializeValidators();
    return compiled;
  }

  private static SchemaRegistry registry() {
    return SchemaRegistry.withDialect(
        DIALECT,
        builder ->
            builder.schemaRegistryConfig(CONFIG).schemaLoader(new MetaSchemasOnly()).nodeReader(new TreeReader()));
  }

  /** Loads the dialect's own schemas by the class loader of the validator; the thread's class loader may be an application's. */
  private static final class MetaSchemasOnly extends SchemaLoader {
    private static final ClasspathResourceLoader JAR =
        new ClasspathResourceLoader(SchemaLoader.class::getClassLoader);

    MetaSchemasOnly() {
      super(List.of(), List.of());
    }

    @Override
    protected InputStreamSource getClasspathResource(AbsoluteIri iri) {
      return iri.toString().startsWith("classpath:") && iri.toString().contains("draft/2020-12/") ? JAR.getResource(iri) : null;
    }
  }

  /** Spares the validator an object mapper. */
  private static final class TreeReader implements NodeReader {
    @Override
    public JsonNode readTree(String content, InputFormat format) {
      return SchemaTree.read(Json.of(content), Path.ROOT);
    }

    @Override
    public JsonNode readTree(InputStream content, InputFormat format) {
      try {
        return readTree(new String(content.readAllBytes(), StandardCharsets.UTF_8), format);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }
}
