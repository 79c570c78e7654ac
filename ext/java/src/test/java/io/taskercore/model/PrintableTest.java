package io.taskercore.model;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class PrintableTest {

  @Test
  void text_that_shows_is_left_as_it_is() {
    String text = "Größe 世界 😀 👩\u200d💻 \"\\' [x].y";

    assertThat(Printable.of(text)).isSameAs(text);
  }

  @Test
  void what_does_not_show_or_leaves_the_line_is_escaped() {
    assertThat(Printable.of("a\nb\r\tc\0\u001b[31m\u0085\u2028\u2029\u202e\u200b\ufeff\ud800x\udc00"))
        .isEqualTo("a\\nb\\r\\tc\\u0000\\u001b[31m\\u0085\\u2028\\u2029\\u202e\\u200b\\ufeff\\ud800x\\udc00");
  }

  @Test
  void a_violation_is_one_line_wherever_its_words_come_from() {
    Violation violation = new Violation("payload.a\nb", "must not be \"c\nd\"");

    assertThat(violation).hasToString("payload.a\\nb: must not be \"c\\nd\"");
    assertThat(new TaskerException.TemplateNotFound("Template not found: a\nb")).hasMessage("Template not found: a\\nb");
    assertThat(new TaskerException.IdempotencyConflict("k\n", "m\n")).hasMessage("k\\n: m\\n");
  }
}
