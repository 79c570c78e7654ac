package io.taskercore.document;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Instant;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class MomentsTest {

  private static final Instant MOMENT = Instant.parse("2026-11-06T08:49:37Z");

  @ParameterizedTest
  @ValueSource(strings = {
    "2026-11-06T08:49:37Z",
    "2026-11-06t08:49:37.000z",
    "2026-11-06T14:19:37+05:30",
    "2026-11-06T14:19:37+0530",
    "2026-11-06T00:49:37-08",
    "20261106T084937Z",
    "Fri, 06 Nov 2026 08:49:37 GMT",
    "Friday, 06-Nov-26 08:49:37 GMT",
    "Fri Nov  6 08:49:37 2026",
  })
  void are_read_in_every_form_of_iso_8601_and_http(String text) {
    assertThat(Moments.parse(text)).isEqualTo(MOMENT);
  }

  @ParameterizedTest
  @ValueSource(strings = {
    "", "soon", "2026-11-06", "08:49:37", "2026-11-06T08:49:37", "2026-11-06 08:49:37 UTC", "2026-13-06T08:49:37Z", "06.11.2026"
  })
  void are_not_guessed(String text) {
    assertThat(Moments.parse(text)).isNull();
  }
}
