package io.taskercore;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Locale;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/** That the tests which run once more in a foreign JVM do so in one. */
class ForeignDefaultsTest {

  @Test
  @EnabledIfSystemProperty(named = "defaults.are.foreign", matches = "true")
  void the_jvm_has_digits_and_a_charset_of_its_own() {
    assertThat("%d".formatted(17)).isEqualTo("\u0967\u096d");
    assertThat(String.format(Locale.ROOT, "%d", 17)).isEqualTo("17");
    assertThat(System.getProperty("file.encoding")).isEqualTo("ISO-8859-1");
  }
}
