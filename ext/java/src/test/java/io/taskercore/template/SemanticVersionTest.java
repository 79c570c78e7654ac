package io.taskercore.template;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SemanticVersionTest {

  private static final List<String> ASCENDING =
      List.of(
          "0.0.0", "0.0.9", "0.0.10", "0.9.0", "0.10.0", "1.0.0-1", "1.0.0-2", "1.0.0-11", "1.0.0-alpha", "1.0.0-alpha.1",
          "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1", "1.0.0", "1.0.0+a", "1.0.0+b",
          "1.0.1", "2.0.0", "10.0.0", "99999999999999999999.0.0");

  private static SemanticVersion version(String text) {
    return SemanticVersion.parse(text).orElseThrow();
  }

  @Test
  void versions_sort_by_precedence() {
    List<SemanticVersion> versions = new ArrayList<>(ASCENDING.stream().map(SemanticVersionTest::version).toList());
    Collections.shuffle(versions, new Random(11));

    Collections.sort(versions);

    assertThat(versions).map(SemanticVersion::toString).isEqualTo(ASCENDING);
  }

  @Test
  void equal_in_order_means_equal() {
    for (String a : ASCENDING) {
      for (String b : ASCENDING) {
        assertThat(version(a).compareTo(version(b)) == 0).isEqualTo(version(a).equals(version(b)));
      }
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", "1", "1.0", "v1.0.0", "1.0.0.0", "01.0.0", "1.0.0-", "1.0.0-01", "1.0.0-a..b", "1.0.0+", "1.0.x", " 1.0.0"})
  void other_texts_are_no_versions(String text) {
    assertThat(SemanticVersion.parse(text)).isEmpty();
  }

  @Test
  void a_version_of_more_than_128_characters_is_refused() {
    assertThat(SemanticVersion.parse("1.0.0-" + "a".repeat(122))).isPresent();
    assertThat(SemanticVersion.parse("1.0.0-" + "a".repeat(123))).isEmpty();
  }
}
