package io.taskercore.jruby;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.jruby.Ruby;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * One jar runs on every JRuby that we support, though it is compiled against the oldest: whatever the bridge's classes refer to is
 * there, accessible and of the same kind, in each of them. Their jars are in folders below {@code linkage.folder}, and not on the
 * class path.
 */
class LinkageTest {

  private static final Path JARS = Path.of(System.getProperty("linkage.folder"));

  private static final List<String> LINES = List.of("9.4", "10.0", "10.1");

  static Stream<String> lines() {
    return LINES.stream();
  }

  @ParameterizedTest
  @MethodSource("lines")
  void the_bridge_links_to(String line) throws Exception {
    List<ClassFile> bridge = bridge();
    assertThat(bridge).hasSizeGreaterThan(30);

    try (ClassPath classPath = new ClassPath(JARS.resolve(line), bridge)) {
      assertThat(bridge.stream().flatMap(one -> classPath.faults(one).stream())).isEmpty();
    }
  }

  /** Compiles with the oldest, and would fail when it is run on the newest. */
  @SuppressWarnings("deprecation")
  private static final class Outdated {
    static boolean old(Ruby runtime) {
      return runtime.is1_9();
    }
  }

  @Test
  void a_method_that_only_the_oldest_has_is_found_out() throws Exception {
    ClassFile outdated = read(LinkageTest.class.getResourceAsStream("LinkageTest$Outdated.class"));

    try (ClassPath oldest = new ClassPath(JARS.resolve("9.4"), List.of(outdated));
        ClassPath newest = new ClassPath(JARS.resolve("10.1"), List.of(outdated))) {
      assertThat(oldest.faults(outdated)).filteredOn(fault -> fault.contains("is1_9")).isEmpty();
      assertThat(newest.faults(outdated)).anyMatch(fault -> fault.contains("org/jruby/Ruby.is1_9()Z, which has no such member"));
    }
  }

  private static List<ClassFile> bridge() throws IOException, URISyntaxException {
    Path classes = Path.of(Bridge.class.getProtectionDomain().getCodeSource().getLocation().toURI());
    try (Stream<Path> files = Files.list(classes.resolve("io/taskercore/jruby"))) {
      return files.filter(file -> file.toString().endsWith(".class")).map(LinkageTest::read).toList();
    }
  }

  private static ClassFile read(Path file) {
    try {
      return read(Files.newInputStream(file));
    } catch (IOException unreadable) {
      throw new UncheckedIOException(unreadable);
    }
  }

  private static ClassFile read(InputStream bytes) throws IOException {
    try (bytes) {
      return ClassFile.read(bytes);
    }
  }
}
