package io.taskercore.template;

import static io.taskercore.template.Templates.json;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.taskercore.model.Format;
import io.taskercore.model.Caller;
import io.taskercore.model.Json;
import io.taskercore.model.TaskerException;
import io.taskercore.model.Violation;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class InputSchemaTest {

  private static List<String> problems(String schema, String payload) {
    return InputSchema.compile(json(schema)).validate(json(payload)).stream().map(Violation::toString).toList();
  }

  @Test
  void a_payload_that_fits_has_no_violations() {
    String schema = "{'type':'object','required':['id'],'properties':{'id':{'type':'integer'}}}";

    assertThat(problems(schema, "{'id':12345678901234567890123}")).isEmpty();
    assertThat(problems(schema, "{'id':1.0}")).as("to JSON Schema 1.0 is an integer").isEmpty();
  }

  @Test
  void every_violation_has_the_path_of_its_value() {
    String schema =
        "{'required':['order_id'],'additionalProperties':false,'properties':{'order_id':{},'items':{'items':"
            + "{'required':['price'],'properties':{'price':{'type':'number','minimum':0}}}}}}";

    assertThat(problems(schema, "{'items':[{'price':1},{},{'price':-1},{'price':'9'}],'odd key':1}"))
        .containsExactlyInAnyOrder(
            "payload.order_id: is required",
            "payload[\"odd key\"]: is not a key that the schema knows",
            "payload.items[1].price: is required",
            "payload.items[2].price: must be at least 0",
            "payload.items[3].price: must be of type number, not string");
  }

  @Test
  void a_payload_among_others_keeps_its_prefix() {
    InputSchema schema = InputSchema.compile(json("{'required':['a']}"));

    assertThat(schema.validate(Json.EMPTY_OBJECT, "[17].payload"))
        .containsExactly(new Violation("[17].payload.a", "is required"));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '~',
      value = {
        "{'type':['string','null']} | 1 | must be of type string or null, not integer",
        "{'enum':['a','b']} | 'c' | must be one of \"a\", \"b\"",
        "{'const':5} | 6 | must be 5",
        "{'maximum':5} | 6 | must be at most 5",
        "{'exclusiveMinimum':5} | 5 | must be more than 5",
        "{'exclusiveMaximum':5} | 5 | must be less than 5",
        "{'multipleOf':0.01} | 0.001 | must be a multiple of 0.01",
        "{'minLength':2} | 'a' | must be at least 2 characters long",
        "{'maxLength':2} | 'abc' | must be at most 2 characters long",
        "{'pattern':'^[a-z]+$'} | 'A' | must match the pattern \"^[a-z]+$\"",
        "{'minItems':1} | [] | must have 1 items or more",
        "{'maxItems':1} | [1,2] | must have 1 items or fewer",
        "{'uniqueItems':true} | [1,1] | must not have the same item twice",
        "{'minProperties':1} | {} | must have 1 keys or more",
        "{'maxProperties':0} | {'b':1} | must have 0 keys or fewer",
        "{'not':{'type':'integer'}} | 1 | must not fit the schema's not",
        "{'contains':{'type':'integer'}} | ['a'] | does not have the items that the schema's contains asks for",
        "false | 1 | is not allowed by the schema"
      })
  void each_keyword_has_its_message(String schema, String value, String message) {
    assertThat(problems("{'properties':{'a':" + schema + "}}", "{'a':" + value + "}")).contains("payload.a: " + message);
  }

  @ParameterizedTest
  @CsvSource({
    "date-time, 2030-01-01T00:00:00Z, yesterday",
    "date, 2030-01-31, 2030-02-31",
    "time, 10:00:00Z, 25:00:00Z",
    "duration, P1D, 1 day",
    "email, a@example.com, a.example.com",
    "uuid, 0190b5a1-7c3e-7000-8000-000000000000, 0190b5a1",
    "ipv4, 10.0.0.1, 10.0.0.256",
    "ipv6, ::1, ::g",
    "uri, https://example.com/x, //x y",
    "hostname, example.com, -x-",
    "regex, ^a$, (",
    "json-pointer, /a/b, a/b"
  })
  void formats_are_asserted(String format, String good, String bad) {
    String schema = "{'properties':{'a':{'format':'" + format + "'}}}";

    assertThat(problems(schema, "{'a':'" + good + "'}")).isEmpty();
    assertThat(problems(schema, "{'a':'" + bad + "'}"))
        .containsExactly("payload.a: must be a valid " + format.replace("regex", "regular expression"));
    assertThat(problems(schema, "{'a':1}")).isEmpty();
  }

  @Test
  void messages_do_not_show_the_payload() {
    String schema = "{'properties':{'card':{'type':'string','pattern':'^x','maxLength':3,'enum':['x'],'const':'x','format':'date'}}}";

    assertThat(problems(schema, "{'card':'4111-secret'}")).hasSize(5).noneMatch(problem -> problem.contains("4111"));
  }

  @Test
  void references_within_the_schema_are_followed() {
    String schema =
        "{'$id':'https://example.com/order','$defs':{'id':{'$anchor':'here','type':'integer'}},"
            + "'properties':{'a':{'$ref':'#/$defs/id'},'b':{'$ref':'#here'},'next':{'$ref':'#'}}}";

    assertThat(problems(schema, "{'a':'x','next':{'next':{'b':'x'}}}"))
        .containsExactlyInAnyOrder(
            "payload.a: must be of type integer, not string", "payload.next.next.b: must be of type integer, not string");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "https://example.com/a.json", "http://localhost:1/x", "file:///etc/passwd", "other.json", "/defs/a",
        "classpath:/draft/2020-12/schema", "https://json-schema.org/draft/2020-12/schema", ""
      })
  void references_to_other_documents_are_refused(String reference) {
    for (String keyword : List.of("$ref", "$dynamicRef")) {
      assertThatThrownBy(() -> InputSchema.compile(json("{'properties':{'enum':{'allOf':[{'" + keyword + "':'" + reference + "'}]}}}")))
          .isInstanceOf(TaskerException.Validation.class)
          .hasMessageStartingWith("input_schema.properties.enum.allOf[0]." + keyword + ": must refer to a place in the same schema");
    }
  }

  @Test
  void what_looks_like_a_reference_in_data_is_none() {
    assertThat(problems("{'properties':{'a':{'const':{'$ref':'x.json'}},'$ref':{'type':'string'}}}", "{'$ref':'x'}"))
        .isEmpty();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '~',
      value = {
        "{'type':'objekt'} | input_schema.type: must be one of \"array\", \"boolean\", \"integer\", \"null\", \"number\", \"object\", \"string\"",
        "{'required':'a'} | input_schema.required: must be of type array, not string",
        "{'properties':{'a':{'minimum':'1'}}} | input_schema.properties.a.minimum: must be of type number, not string",
        "{'properties':{'a':3}} | input_schema.properties.a: must be of type object or boolean, not integer",
        "{'maxLength':-1} | input_schema.maxLength: must be at least 0",
        "{'pattern':'('} | input_schema.pattern: must be a valid regular expression",
        "{'patternProperties':{'[':{}}} | input_schema.patternProperties: has a key that the schema does not allow",
        "{'allOf':[]} | input_schema.allOf: must have 1 items or more",
        "{'items':{'$ref':'#/$defs/x'}} | input_schema.items.$ref: there is no #/$defs/x in the schema",
        "{'items':{'$ref':'#nowhere'}} | input_schema.items.$ref: there is no #nowhere in the schema",
        "{'$ref':'#'} | input_schema: refers to itself without end",
        "{'$id':'order'} | input_schema.$id: must be an absolute URI, such as \"https://example.com/order\"",
        "{'$schema':'http://json-schema.org/draft-07/schema#'} | input_schema.$schema: must be \"https://json-schema.org/draft/2020-12/schema\", the only version supported"
      })
  void a_bad_schema_is_refused_by_path(String schema, String problem) {
    assertThatThrownBy(() -> InputSchema.compile(json(schema))).isInstanceOf(TaskerException.Validation.class).hasMessage(problem);
  }

  @Test
  void references_to_an_id_in_the_same_schema_are_followed() {
    String schema =
        "{'$id':'https://example.com/order','properties':{'a':{'$ref':'item'},'b':{'$ref':'https://example.com/item#/$defs/n'},"
            + "'c':{'$ref':'urn:example:c'},'d':{'$ref':'item#named'},'e':{'$ref':'https://example.com/order#/$defs/plain'},"
            + "'f':{'$ref':'/sub/deep'}},"
            + "'$defs':{'plain':{'type':'null'},'item':{'$id':'item','type':'string','$defs':{'n':{'type':'integer'},"
            + "'m':{'$anchor':'named','type':'boolean'}}},'c':{'$id':'urn:example:c','type':'array'},"
            + "'outer':{'$id':'sub/','$defs':{'deep':{'$id':'deep','type':'number'}}}}}";

    assertThat(problems(schema, "{'a':'x','b':1,'c':[],'d':true,'e':null,'f':1.5}")).isEmpty();
    assertThat(problems(schema, "{'a':1,'b':'x','c':1,'d':1,'e':1,'f':'x'}"))
        .containsExactlyInAnyOrder(
            "payload.a: must be of type string, not integer",
            "payload.b: must be of type integer, not string",
            "payload.c: must be of type array, not integer",
            "payload.d: must be of type boolean, not integer",
            "payload.e: must be of type null, not integer",
            "payload.f: must be of type number, not string");
    assertThat(InputSchema.stored(json(schema)).validate(json("{'a':1}"))).hasSize(1);
  }

  @Test
  void an_id_in_data_or_elsewhere_is_no_document() {
    for (String there : List.of("'const':{'$id':'https://example.com/x'}", "'properties':{'$id':{'const':'https://example.com/x'}}")) {
      assertThatThrownBy(() -> InputSchema.compile(json("{" + there + ",'items':{'$ref':'https://example.com/x'}}")))
          .isInstanceOf(TaskerException.Validation.class)
          .hasMessageStartingWith("input_schema.items.$ref: must refer to a place in the same schema");
    }
  }

  @ParameterizedTest
  @CsvSource({
    "requird, required", "Required, required", "propeties, properties", "additional_properties, additionalProperties",
    "additionalproperties, additionalProperties", "maxlength, maxLength", "min_length, minLength", "tpye, type", "enmu, enum",
    "minimun, minimum", "patern, pattern", "$def, $defs", "oneof, oneOf"
  })
  void a_keyword_that_is_a_slip_of_the_pen_is_refused(String slip, String meant) {
    for (String place : List.of("%s", "{'properties':{'a':%s}}", "{'$defs':{'a':%s}}", "{'allOf':[%s]}", "{'items':%s}")) {
      assertThatThrownBy(() -> InputSchema.compile(json(Format.text(place, "{'" + slip + "':1}"))))
          .isInstanceOf(TaskerException.Validation.class)
          .hasMessageEndingWith(slip + ": is not a keyword of JSON Schema; did you mean " + meant + "?");
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{'x-requird':1}", "{'note':'n','cost':1,'label':'l','widget':'w','unit':'EUR','order':1,'example':1,'nullable':true}",
        "{'properties':{'requird':{'type':'string'},'tpye':{}}}", "{'x-ui':{'requird':1}}", "{'default':{'requird':1}}",
        "{'enum':[{'requird':1}]}", "{'dependencies':{},'definitions':{},'additionalItems':true}"
      })
  void other_unknown_keywords_are_annotations(String schema) {
    assertThat(problems(schema.replace("'enum':[", "'enum':[{},"), "{}")).isEmpty();
  }

  @Test
  void alternatives_that_multiply_end_with_their_limit() {
    String both = "{'anyOf':[{'$ref':'#/$defs/%1$d'},{'$ref':'#/$defs/%1$d'}]}";
    String defs = IntStream.range(0, 8).mapToObj(i -> "'" + i + "':" + Format.text(both, i + 1)).reduce((a, b) -> a + "," + b).orElseThrow();
    Json schema = json("{'properties':{'a':{'$ref':'#/$defs/0'}},'$defs':{" + defs + ",'8':{'type':'integer'}}}");
    InputSchema limited = InputSchema.compile(schema, new Effort.Limits(200, 0, 1_000, 0, 1_000), 10_000);
    InputSchema fewErrors = InputSchema.compile(schema, new Effort.Limits(100_000, 0, 1_000, 0, 10), 10_000);

    assertThat(InputSchema.compile(schema).validate(json("{'a':'x'}"))).isNotEmpty().noneMatch(v -> v.message().contains("too much"));
    assertThat(limited.validate(json("{'a':'x'}"), "[3].payload"))
        .containsExactly(
            new Violation(
                "[3].payload",
                "cannot be checked: the template's input_schema takes too much on it (its alternatives and references take too many"
                    + " steps)"));
    assertThat(fewErrors.validate(json("{'a':'x'}"))).singleElement()
        .satisfies(v -> assertThat(v.message()).contains("its alternatives fail in too many ways"));
    assertThat(limited.validate(json("{'b':1}"))).isEmpty();
  }

  @Test
  void a_schema_that_multiplies_on_nothing_is_refused_when_it_is_registered() {
    String both = "{'anyOf':[{'$ref':'#/$defs/%1$d'},{'$ref':'#/$defs/%1$d'}]}";
    String defs = IntStream.range(0, 8).mapToObj(i -> "'" + i + "':" + Format.text(both, i + 1)).reduce((a, b) -> a + "," + b).orElseThrow();

    assertThatThrownBy(
            () ->
                InputSchema.compile(
                    json("{'$ref':'#/$defs/0','$defs':{" + defs + ",'8':{'type':'integer'}}}"), new Effort.Limits(200, 0, 1_000, 0, 1_000), 10_000))
        .isInstanceOf(TaskerException.Validation.class)
        .hasMessage("input_schema: asks for too much: its alternatives and references take too many steps");
  }

  @Test
  void a_pattern_that_goes_back_and_forth_ends_with_its_limit() {
    InputSchema limited =
        InputSchema.compile(json("{'properties':{'a':{'pattern':'^[a-z]+b$'}}}"), new Effort.Limits(1_000, 0, 20, 1, 100), 10_000);

    assertThat(limited.validate(json("{'a':'aab'}"))).isEmpty();
    assertThat(limited.validate(json("{'a':'" + "a".repeat(100) + "'}"))).singleElement()
        .satisfies(v -> assertThat(v.message()).endsWith("takes too much on it (a pattern takes too many steps)"));
  }

  @Test
  void a_large_schema_is_refused_before_it_is_read() {
    assertThatThrownBy(() -> InputSchema.compile(json("{'title':'a long one'}"), Effort.Limits.USUAL, 10))
        .isInstanceOf(TaskerException.Validation.class)
        .hasMessage("input_schema: has 22 bytes, more than the 10 allowed");
  }

  @Test
  void a_check_ends_when_nobody_waits_for_it() throws Exception {
    InputSchema schema = InputSchema.compile(json("{'properties':{'a':{'pattern':'x$'}}}"));
    Caller caller = new Caller();
    caller.leave();

    assertThat(caller.call(() -> schema.validate(json("{'a':'" + "y".repeat(5_000) + "'}")))).singleElement()
        .satisfies(v -> assertThat(v.message()).contains("nobody waits"));
  }

  @Test
  void the_largest_payload_of_small_values_is_checked_to_its_end() {
    InputSchema schema = InputSchema.compile(json("{'properties':{'n':{'items':{'type':'integer','minimum':0,'maximum':9}}}}"));

    assertThat(schema.validate(json("{'n':[" + "1,".repeat(500_000) + "'x']}"))).hasSize(1);
  }

  @Test
  void two_schemas_with_one_id_do_not_mix() {
    InputSchema first = InputSchema.compile(json("{'$id':'https://example.com/x','required':['a']}"));
    InputSchema second = InputSchema.compile(json("{'$id':'https://example.com/x','required':['b']}"));

    assertThat(first.validate(Json.EMPTY_OBJECT)).map(Violation::path).containsExactly("payload.a");
    assertThat(second.validate(Json.EMPTY_OBJECT)).map(Violation::path).containsExactly("payload.b");
  }

  @Test
  void a_stored_schema_validates_as_a_checked_one() {
    Json schema = json("{'required':['a'],'properties':{'t':{'format':'date'}}}");

    assertThat(InputSchema.stored(schema).validate(json("{'t':'x'}")))
        .isEqualTo(InputSchema.compile(schema).validate(json("{'t':'x'}")))
        .hasSize(2);
  }

  @Test
  void one_schema_serves_many_threads() {
    InputSchema schema = InputSchema.compile(json("{'properties':{'n':{'type':'integer','maximum':499}}}"));

    long refused =
        IntStream.range(0, 1_000).parallel().filter(n -> !schema.validate(json("{'n':" + n + "}")).isEmpty()).count();

    assertThat(refused).isEqualTo(500);
  }

  @Test
  void a_payload_of_the_greatest_depth_is_checked_to_its_end() {
    InputSchema schema = InputSchema.compile(json("{'properties':{'n':{'$ref':'#'},'leaf':{'type':'integer'}}}"));

    assertThat(schema.validate(json("{'n':".repeat(99) + "{'leaf':'x'}" + "}".repeat(99)))).hasSize(1);
  }

  @Test
  void a_pattern_that_needs_too_much_stack_is_a_violation_and_not_an_error() {
    InputSchema schema = InputSchema.compile(json("{'properties':{'a':{'pattern':'^(a|b)*$'}}}"));

    assertThat(schema.validate(json("{'a':'" + "ab".repeat(500_000) + "'}")))
        .containsExactly(new Violation("payload", "cannot be checked: the template's input_schema takes too much on it"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"1e1000000000", "1e99999999999", "-1e-1000000000"})
  void an_absurd_number_is_refused_at_once(String number) {
    assertThat(problems("{'properties':{'a':{'type':'integer','multipleOf':7}}}", "{'a':" + number + "}"))
        .containsExactly(
            "payload: cannot be checked against the input_schema: it holds a number with more than 10,000 digits");
  }
}
