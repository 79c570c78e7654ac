package io.taskercore.jruby;

import static org.assertj.core.api.Assertions.assertThat;

import com.code_intelligence.jazzer.junit.FuzzTest;
import io.taskercore.model.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * The reader and any bytes: it gives what Jackson gives, or both refuse.
 *
 * <p>As a test it takes the bytes that are kept with the tests, and mutations of them. To look for new ones:
 * {@code JAZZER_FUZZ=1 bin/test ValueReaderFuzzTest#reads_what_jackson_reads}.
 */
class ValueReaderFuzzTest {

  private static final Path CORPUS =
      Path.of("ext/java/src/test/resources/io/taskercore/jruby/ValueReaderFuzzTestInputs/reads_what_jackson_reads");
  private static final int MUTATIONS = 10_000;

  @FuzzTest(maxDuration = "3m")
  void reads_what_jackson_reads(byte[] bytes) {
    check(bytes);
  }

  @Test
  void reads_mutations_of_the_corpus_as_jackson_does() throws IOException {
    List<byte[]> corpus = corpus();
    long seed = Long.getLong("tasker.seed", System.nanoTime());
    Random random = new Random(seed);

    for (int i = 0; i < MUTATIONS; i++) {
      byte[] bytes = corpus.get(random.nextInt(corpus.size()));
      for (int times = random.nextInt(4); times >= 0; times--) {
        bytes = mutated(bytes, corpus, random);
      }
      try {
        check(bytes);
      } catch (AssertionError wrong) {
        throw new AssertionError("with -Dtasker.seed=" + seed + ": " + Arrays.toString(bytes), wrong);
      }
    }
  }

  private static void check(byte[] bytes) {
    Optional<Oracle.Value> expected = Oracle.read(bytes);
    Optional<Oracle.Value> read;
    try {
      read = Optional.of(new Oracle.Value(BareRuby.toJava(ValueReader.read(BareRuby.context(), new Json(bytes)))));
    } catch (UnreadableJson refused) {
      read = Optional.empty();
    }

    assertThat(read).isEqualTo(expected);
  }

  private static List<byte[]> corpus() throws IOException {
    try (Stream<Path> files = Files.list(CORPUS)) {
      return files.sorted().map(ValueReaderFuzzTest::bytes).toList();
    }
  }

  private static byte[] bytes(Path file) {
    try {
      return Files.readAllBytes(file);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  /** One byte changed, put in or left out; a stretch left out, doubled, or put in from another text. */
  private static byte[] mutated(byte[] bytes, List<byte[]> corpus, Random random) {
    int from = random.nextInt(bytes.length + 1);
    int to = from + random.nextInt(bytes.length - from + 1);
    byte[] other = corpus.get(random.nextInt(corpus.size()));
    int otherFrom = random.nextInt(other.length + 1);
    byte[] piece = Arrays.copyOfRange(other, otherFrom, otherFrom + random.nextInt(other.length - otherFrom + 1));
    byte[] one = {interesting(random)};
    return switch (random.nextInt(6)) {
      case 0 -> spliced(bytes, from, Math.min(from + 1, bytes.length), one);
      case 1 -> spliced(bytes, from, from, one);
      case 2 -> spliced(bytes, from, Math.min(from + 1, bytes.length), new byte[0]);
      case 3 -> spliced(bytes, from, to, new byte[0]);
      case 4 -> spliced(bytes, from, from, Arrays.copyOfRange(bytes, from, to));
      default -> spliced(bytes, from, to, piece);
    };
  }

  private static byte interesting(Random random) {
    String tokens = "{}[]\":,\\u-+.eE0129 \n\t\0tfn";
    return random.nextBoolean() ? (byte) tokens.charAt(random.nextInt(tokens.length())) : (byte) random.nextInt(256);
  }

  /** The bytes with those from {@code from} to {@code to} replaced. */
  private static byte[] spliced(byte[] bytes, int from, int to, byte[] replacement) {
    byte[] result = Arrays.copyOf(bytes, from + replacement.length + bytes.length - to);
    System.arraycopy(replacement, 0, result, from, replacement.length);
    System.arraycopy(bytes, to, result, from + replacement.length, bytes.length - to);
    return result.length > 4096 ? Arrays.copyOf(result, 4096) : result;
  }
}
