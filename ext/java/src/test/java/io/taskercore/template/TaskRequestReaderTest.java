package io.taskercore.template;

import static io.taskercore.template.Templates.json;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.taskercore.model.Json;
import io.taskercore.model.TaskerException;
import io.taskercore.model.Violation;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class TaskRequestReaderTest {

  private static final int LIMIT = 1_000;

  private static TaskRequest read(String request) {
    return TaskRequestReader.read(json(request), "", LIMIT);
  }

  private static List<String> problems(Json request, String prefix) {
    TaskerException.Validation e =
        catchThrowableOfType(TaskerException.Validation.class, () -> TaskRequestReader.read(request, prefix, LIMIT));
    return e == null ? List.of() : e.violations().stream().map(Violation::toString).toList();
  }

  private static List<String> problems(String request) {
    return problems(json(request), "");
  }

  @Test
  void the_least_request_gets_the_defaults() {
    assertThat(read("{'task_name':'order'}"))
        .isEqualTo(
            new TaskRequest("default", "order", null, Json.EMPTY_OBJECT, 0, null, null, null, List.of(), null, null));
  }

  @Test
  void a_full_request_keeps_all_that_it_says() {
    TaskRequest request =
        read(
            "{'namespace':'shop','task_name':'order','version':'1.2.3-rc.1','payload':{'a':1},'priority':-100,"
                + "'idempotency_key':'k 1','correlation_id':'c','run_at':'2030-01-31T08:00:00.123+02:00',"
                + "'tags':['a','b','a'],'initiator':'me','reason':'two\\nlines'}");

    assertThat(request)
        .isEqualTo(
            new TaskRequest(
                "shop", "order", "1.2.3-rc.1", json("{'a':1}"), -100, "k 1", "c", Instant.parse("2030-01-31T06:00:00.123Z"),
                List.of("a", "b"), "me", "two\nlines"));
  }

  @Test
  void null_counts_as_not_given_except_for_the_payload() {
    assertThat(
            read(
                "{'namespace':null,'task_name':'order','version':null,'priority':null,'idempotency_key':null,"
                    + "'correlation_id':null,'run_at':null,'tags':null,'initiator':null,'reason':null}"))
        .isEqualTo(read("{'task_name':'order'}"));
    assertThat(problems("{'task_name':null}")).containsExactly("task_name: is required");
    assertThat(problems("{'task_name':'x','payload':null}")).containsExactly("payload: must be an object, not null");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{}",
        "{ \"z\" : 1e20 , \"ä\" : [ { \"😀\" : -0.0 } ], \"z\":123456789012345678901234567890 }",
        "{\"nested\":{\"payload\":{\"payload\":[]}}}",
        "{\"text\":\"\\u00e4 }{ \\\" \"}"
      })
  void the_payload_is_taken_byte_for_byte(String payload) {
    for (String request :
        List.of(
            "{\"task_name\":\"ä\",\"payload\":" + payload + ",\"tags\":[]}",
            "{\"payload\":" + payload + ",\"task_name\":\"x\"}",
            "\n { \"task_name\" : \"x\" , \"payload\" :\t" + payload + "\n}")) {
      assertThat(TaskRequestReader.read(Json.of(request), "", LIMIT).payload().text()).isEqualTo(payload);
    }
  }

  @Test
  void a_payload_larger_than_the_limit_is_refused_with_size_and_limit() {
    String fits = "{'t':'" + "ä".repeat(496) + "'}";
    String larger = "{'t':'" + "ä".repeat(497) + "'}";

    assertThat(read("{'task_name':'x','payload':" + fits + "}").payload().size()).isEqualTo(LIMIT);
    assertThat(problems("{'task_name':'x','payload':" + larger + "}"))
        .containsExactly("payload: has 1,002 bytes, more than max_payload_bytes allows (1,000)");
  }

  @Test
  void a_payload_may_be_nested_a_hundred_deep() {
    String payload = "{'n':".repeat(99) + "{}" + "}".repeat(99);

    assertThat(read("{'task_name':'x','payload':" + payload + "}").payload()).isEqualTo(json(payload));
    assertThat(problems("{'task_name':'x','payload':" + "{'n':".repeat(5_000) + "}")).hasSize(1);
  }

  @Test
  void everything_wrong_is_reported_at_once_under_the_prefix() {
    assertThat(
            problems(
                json("{'taskname':'x','payload':[1],'priority':101,'tags':['a','',7],'run_at':1700000000,'version':'1'}"), "[17]"))
        .containsExactlyInAnyOrder(
            "[17].taskname: is not a known key; did you mean task_name?",
            "[17].payload: must be an object, not an array",
            "[17].priority: must be an integer from -100 to 100, not the number 101",
            "[17].tags[1]: must not be empty",
            "[17].tags[2]: must be a string, not the number 7",
            "[17].run_at: must be a time in ISO 8601 such as \"2030-01-31T08:00:00Z\", not the number 1700000000",
            "[17].version: must be a semantic version such as \"1.0.0\"",
            "[17].task_name: is required");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '~',
      value = {
        "'task_name':7 | task_name: must be a string, not the number 7",
        "'task_name':'a b' | task_name: must begin with a letter, a digit or _, and go on with these or any of . : / -",
        "'task_name':'x','task_name':'y' | task_name: is given twice",
        "'task_name':'x','namespace':'' | namespace: must not be empty",
        "'task_name':'x','version':1.0 | version: must be a string, not the number 1.0",
        "'task_name':'x','payload':'{}' | payload: must be an object, not the string \"{}\"",
        "'task_name':'x','priority':1.5 | priority: must be an integer from -100 to 100, not the number 1.5",
        "'task_name':'x','priority':'1' | priority: must be an integer from -100 to 100, not the string \"1\"",
        "'task_name':'x','priority':1e1 | priority: must be an integer from -100 to 100, not the number 1e1",
        "'task_name':'x','priority':true | priority: must be an integer from -100 to 100, not true",
        "'task_name':'x','idempotency_key':' ' | idempotency_key: must not be empty",
        "'task_name':'x','idempotency_key':{} | idempotency_key: must be a string, not an object",
        "'task_name':'x','correlation_id':'a\\u0000' | correlation_id: must not contain control characters",
        "'task_name':'x','initiator':'\\ud800' | initiator: must be valid Unicode, but holds half of a surrogate pair",
        "'task_name':'x','reason':'\\u0000' | reason: must not contain a NUL character",
        "'task_name':'x','tags':'a' | tags: must be an array of strings, not the string \"a\"",
        "'task_name':'x','tags':[['a']] | tags[0]: must be a string, not an array",
        "'task_name':'x','run_at':'2030-01-31' | run_at: must be a time in ISO 8601 with its offset from UTC, such as \"2030-01-31T08:00:00Z\", not the string \"2030-01-31\"",
        "'task_name':'x','run_at':'2030-01-31T08:00:00' | run_at: must be a time in ISO 8601 with its offset from UTC, such as \"2030-01-31T08:00:00Z\", not the string \"2030-01-31T08:00:00\"",
        "'task_name':'x','run_at':'+12030-01-31T08:00:00Z' | run_at: must be between the years 1970 and 9999"
      })
  void a_bad_value_is_named_by_its_key(String members, String problem) {
    assertThat(problems("{" + members + "}")).containsExactly(problem);
  }

  @Test
  void lengths_are_bounded() {
    assertThat(problems("{'task_name':'x','idempotency_key':'" + "k".repeat(256) + "','tags':['" + "t".repeat(256) + "']}"))
        .containsExactly(
            "idempotency_key: must be at most 255 characters long, but has 256",
            "tags[0]: must be at most 255 characters long, but has 256");
    assertThat(problems("{'task_name':'x','reason':'" + "r".repeat(10_001) + "'}"))
        .containsExactly("reason: must be at most 10,000 characters long, but has 10,001");
    assertThat(problems("{'task_name':'x','tags':[" + "'t',".repeat(50) + "'t']}"))
        .containsExactly("tags: must have at most 50 tags, but has 51");
  }

  @ParameterizedTest
  @ValueSource(strings = {"[]", "[{'task_name':'x'}]", "'x'", "1", "null", "true"})
  void a_request_must_be_an_object(String request) {
    assertThat(problems(json(request), "[3]")).hasSize(1).first().asString().startsWith("[3]: a request must be an object, not");
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "{", "{'task_name':'x'", "{'task_name':'x'}}", "{'task_name':'x'} 1", "{'payload':{'a':}}"})
  void text_that_is_not_json_is_refused(String request) {
    assertThat(problems(request)).hasSize(1);
  }

  @Test
  void broken_bytes_never_raise_anything_but_a_validation_error() {
    byte[] whole =
        json("{'task_name':'x','payload':{'ä':[1.5,true]},'tags':['a'],'run_at':'2030-01-31T08:00:00Z','priority':3}").utf8();
    for (int seed = 0; seed < 3_000; seed++) {
      Random random = new Random(seed);
      byte[] broken = Arrays.copyOf(whole, 1 + random.nextInt(whole.length));
      for (int i = random.nextInt(4); i > 0; i--) {
        broken[random.nextInt(broken.length)] = (byte) random.nextInt(256);
      }
      try {
        TaskRequest request = TaskRequestReader.read(new Json(broken), "", LIMIT);
        assertThat(request.payload().text()).startsWith("{").endsWith("}");
      } catch (TaskerException.Validation expected) {
        assertThat(expected.violations()).as("seed %d: %s", seed, new String(broken, StandardCharsets.ISO_8859_1)).isNotEmpty();
      }
    }
  }
}
