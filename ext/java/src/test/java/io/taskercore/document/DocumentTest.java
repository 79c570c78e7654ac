package io.taskercore.document;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.taskercore.model.Json;
import io.taskercore.model.TaskerException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DocumentTest {

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"b\":1,\"a\":[true,false,null]}",
        "[1e20,1E+20,1.50,-0.0,0,123456789012345678901234567890,1e400]",
        "\"ä€😀\\n\"",
        "{}"
      })
  void what_was_read_is_written_as_it_was(String text) {
    assertThat(Document.write(Document.read(Json.of(text))).text()).isEqualTo(text);
  }

  @Test
  void sorting_orders_the_members_at_every_depth_and_leaves_arrays_alone() {
    Node node = Document.read(Json.of("{\"b\":[{\"d\":1,\"c\":2},3,1],\"a\":0}"));

    assertThat(Document.write(Document.sorted(node)).text()).isEqualTo("{\"a\":0,\"b\":[{\"c\":2,\"d\":1},3,1]}");
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "{", "[1,]", "{\"a\":1}{", "{\"a\":1} 2", "NaN", "{\"a\":1,\"a\":2}", "'a'", "\"\u0001\""})
  void text_that_is_not_json_is_refused(String text) {
    assertThatThrownBy(() -> Document.read(Json.of(text)))
        .isInstanceOf(TaskerException.Validation.class)
        .hasMessageContaining("cannot be read as JSON");
  }

  @Test
  void a_document_nested_too_deep_is_refused_before_the_stack_ends() {
    assertThatThrownBy(() -> Document.read(Json.of("[".repeat(100_000))))
        .isInstanceOf(TaskerException.Validation.class)
        .hasMessageContaining("128");
  }

  @ParameterizedTest
  @ValueSource(strings = {"{\"a\":{\"b\":\"x\\u0000\"}}", "{\"a\":{\"b\":\"\\ud800\"}}", "{\"a\":{\"b\":\"\\udc00\\ud800\"}}"})
  void strings_that_postgresql_cannot_store_are_refused_by_path(String text) {
    assertThatThrownBy(() -> Document.read(Json.of(text))).hasMessageStartingWith("a.b: must");
  }

  @Test
  void a_path_is_written_as_a_reader_would() {
    assertThat(Path.ROOT.key("steps").index(2).key("retry").key("max_attempts").text())
        .isEqualTo("steps[2].retry.max_attempts");
    assertThat(new Path("[17]").key("payload").key("a key").text()).isEqualTo("[17].payload[\"a key\"]");
  }

  @Test
  void a_key_with_control_characters_is_shown_on_one_line() {
    assertThat(Path.ROOT.key("payload").key("a\nINFO forged").text()).isEqualTo("payload[\"a\\nINFO forged\"]");
    assertThat(Path.ROOT.key("x\u001b[31m").text()).isEqualTo("[\"x\\u001b[31m\"]");
    assertThat(Path.ROOT.key("say \"a\\b\"").text()).isEqualTo("[\"say \\\"a\\\\b\\\"\"]");
    assertThat(new Node.Text("a\n\"b\"").described()).isEqualTo("the string \"a\\n\\\"b\\\"\"");
  }

  @Test
  void what_is_cut_off_leaves_no_half_of_a_pair() {
    assertThat(Path.ROOT.key("x".repeat(59) + "😀 and more").text()).isEqualTo("[\"" + "x".repeat(59) + "…\"]");
    assertThat(new Node.Text("x".repeat(39) + "😀😀").described()).isEqualTo("the string \"" + "x".repeat(39) + "…\"");
  }

  @ParameterizedTest
  @ValueSource(strings = {"{\"a\\nb\":1,\"a\\nb\":2}", "{\"a\\nb\":\"x\\u0000\"}"})
  void a_refusal_is_one_line(String text) {
    assertThatThrownBy(() -> Document.read(Json.of(text)))
        .isInstanceOf(TaskerException.Validation.class)
        .satisfies(e -> assertThat(e.getMessage()).doesNotContain("\n").contains("\\n"));
  }

  @Test
  void more_than_a_hundred_violations_are_counted_not_told() {
    Violations violations = new Violations();
    for (int i = 0; i < 130; i++) {
      violations.add(Path.ROOT.index(i), "is bad");
    }

    assertThat(violations.list()).hasSize(101);
    assertThat(violations.list().get(100)).hasToString("and 30 more");
  }
}
