package io.taskercore.template;

import static io.taskercore.template.Templates.json;
import static io.taskercore.template.Templates.problems;
import static io.taskercore.template.Templates.read;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.taskercore.model.FailureMode;
import io.taskercore.model.Json;
import io.taskercore.model.RetryPolicy;
import io.taskercore.model.RetryPolicy.Backoff;
import io.taskercore.model.StepDefinition;
import io.taskercore.model.TaskTemplate;
import io.taskercore.model.TaskerException;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class TemplateReaderTest {

  private static final String ONE = "[{'name':'a','handler':'A'}]";

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '~',
      value = {
        "{'name':true,'version':'1.0.0','steps':[{'name':'a','handler':'h'}]} | name: must be a string, not true: write it in quotes",
        "{'name':2026,'version':'1.0.0','steps':[{'name':'a','handler':'h'}]} | name: must be a string, not the number 2026: write it in quotes",
        "{'name':'w','version':false,'steps':[{'name':'a','handler':'h'}]} | version: must be a string, not false: write it in quotes",
        "{'name':'w','version':'1.0.0','namespace':1,'steps':[{'name':'a','handler':'h'}]} | namespace: must be a string, not the number 1: write it in quotes",
        "{'name':'w','version':'1.0.0','steps':[{'name':false,'handler':'h'}]} | steps[0].name: must be a string, not false: write it in quotes",
        "{'name':'w','version':'1.0.0','steps':[{'name':'a','handler':'h'},{'name':'b','handler':'h','depends_on':[true]}]} | steps[1].depends_on[0]: must be the name of a step, not true: write it in quotes",
        "{'name':'w','version':'1.0.0','on_step_failure':false,'steps':[{'name':'a','handler':'h'}]} | on_step_failure: must be one of continue, fail_fast, not false: write it in quotes",
        "{'name':['w'],'version':'1.0.0','steps':[{'name':'a','handler':'h'}]} | name: must be a string, not an array"
      })
  void what_yaml_takes_for_something_else_is_to_be_quoted(String template, String problem) {
    assertThatThrownBy(() -> TemplateReader.read(json(template), "test")).isInstanceOf(TaskerException.Validation.class).hasMessage(problem);
  }

  @Nested
  class ATemplate {

    @Test
    void with_the_least_gets_the_defaults() {
      TaskTemplate template = read(ONE);

      assertThat(template.namespace()).isEqualTo("default");
      assertThat(template.onStepFailure()).isEqualTo(FailureMode.CONTINUE);
      assertThat(template.inputSchema()).isEmpty();
      assertThat(template.steps())
          .containsExactly(
              new StepDefinition(
                  "a", "A", List.of(), List.of(), Json.EMPTY_OBJECT, RetryPolicy.DEFAULT, null, null));
    }

    @Test
    void keeps_all_that_it_says() {
      TaskTemplate template =
          read(
              "[{'name':'a','handler':'A','description':'first'},{'name':'b','handler':'ns.b','depends_on':['a'],"
                  + "'config':{'limit':500},'timeout_ms':5000,'max_crashes':2,'retry':{'max_attempts':5,'backoff':'linear',"
                  + "'base_ms':10,'max_ms':50,'jitter':0.5,'retryable':false}}]",
              "'namespace':'shop','description':'an order','on_step_failure':'fail_fast','input_schema':{'type':'object'}");

      assertThat(template.namespace()).isEqualTo("shop");
      assertThat(template.onStepFailure()).isEqualTo(FailureMode.FAIL_FAST);
      assertThat(template.inputSchema()).contains(json("{'type':'object'}"));
      assertThat(template.steps().get(0).children()).containsExactly(1);
      assertThat(template.steps().get(1))
          .isEqualTo(
              new StepDefinition(
                  "b", "ns.b", List.of(0), List.of(), json("{'limit':500}"),
                  new RetryPolicy(5, Backoff.LINEAR, 10, 50, 0.5, false), 5_000L, 2));
    }

    @Test
    void may_leave_keys_empty_as_yaml_does() {
      assertThat(problems("[{'name':'a','handler':'A','depends_on':null,'config':null,'retry':null}]",
              "'defaults':null,'environments':null,'input_schema':null,'namespace':null"))
          .isEmpty();
    }

    @Test
    void reports_everything_that_is_wrong_at_once() {
      Json document =
          json(
              "{'nme':'x','version':1.0,'steps':[{'name':'a','handler':7,'retry':{'max_attempts':0}},"
                  + "{'handler':'B','depends_on':['c','a'],'timeout_ms':'5s'}]}");

      assertThat(problems(document))
          .containsExactlyInAnyOrder(
              "nme: is not a known key; did you mean name?",
              "name: is required",
              "version: must be a semantic version in quotes, such as \"1.0.0\", not the number 1.0",
              "steps[0].handler: must be a string, not the number 7: write it in quotes",
              "steps[0].retry.max_attempts: must be an integer from 1 to 1000, not the number 0",
              "steps[1].name: is required",
              "steps[1].depends_on[0]: there is no step \"c\"",
              "steps[1].timeout_ms: must be an integer from 1 to 31536000000, not the string \"5s\"");
    }

    @ParameterizedTest
    @ValueSource(strings = {"[]", "'text'", "1", "null", "true"})
    void must_be_an_object(String document) {
      assertThat(problems(json(document))).hasSize(1).first().asString().startsWith("must be an object, not");
    }

    @Test
    void that_is_not_json_is_refused() {
      assertThatThrownBy(() -> TemplateReader.read(Json.of("name: x"), "test"))
          .isInstanceOf(TaskerException.Validation.class)
          .hasMessageContaining("cannot be read as JSON");
    }

    @ParameterizedTest
    @CsvSource({
      "namespace, 'must not be empty', ''",
      "namespace, 'must begin with a letter, a digit or _, and go on with these or any of . : / -', 'a b'",
      "name, 'must not be empty', ' '",
      "name, 'must begin with a letter, a digit or _, and go on with these or any of . : / -', '-x'",
      "version, 'must be a semantic version such as \"1.0.0\"', '1.0'",
      "on_step_failure, 'must be one of continue, fail_fast, not the string \"fail-fast\"; did you mean fail_fast?', 'fail-fast'"
    })
    void names_the_key_of_a_bad_value(String key, String message, String value) {
      Json document =
          Json.of(
              Templates.document(ONE, "'x':0").text()
                  .replace(",\"x\":0", "")
                  .replaceFirst("\"" + key + "\":\"[^\"]*\",?", "")
                  .replaceFirst("\\{", "{\"" + key + "\":\"" + value + "\","));

      assertThat(problems(document)).containsExactly(key + ": " + message);
    }

    @Test
    void may_have_names_in_any_script() {
      assertThat(problems("[{'name':'prüfung_2','handler':'A'},{'name':'検証','handler':'A','depends_on':['prüfung_2']}]"))
          .isEmpty();
    }

    @Test
    void has_names_of_at_most_255_characters() {
      assertThat(problems("[{'name':'" + "a".repeat(255) + "','handler':'A'}]")).isEmpty();
      assertThat(problems("[{'name':'" + "a".repeat(256) + "','handler':'A'}]"))
          .containsExactly("steps[0].name: must be at most 255 characters long, but has 256");
    }
  }

  @Nested
  class Steps {

    @Test
    void number_one_to_a_thousand() {
      assertThat(problems("[]")).containsExactly("steps: must have 1 to 1000 steps, but has 0");
      assertThat(problems(steps(1_001))).containsExactly("steps: must have 1 to 1000 steps, but has 1001");
      assertThat(read(steps(1_000)).steps()).hasSize(1_000);
    }

    private String steps(int count) {
      return IntStream.range(0, count)
          .mapToObj(i -> "{'name':'s" + i + "','handler':'H'}")
          .collect(Collectors.joining(",", "[", "]"));
    }

    @Test
    void must_be_an_array_of_objects() {
      assertThat(problems("{'a':'A'}")).containsExactly("steps: must be an array, not an object");
      assertThat(problems("['a']")).containsExactly("steps[0]: must be an object, not the string \"a\"");
      assertThat(problems("null")).containsExactly("steps: is required");
    }

    @Test
    void have_different_names() {
      assertThat(problems("[{'name':'a','handler':'A'},{'name':'b','handler':'A'},{'name':'a','handler':'A'}]"))
          .containsExactly("steps[2].name: \"a\" is already the name of steps[0]");
    }

    @Test
    void cannot_be_called_all() {
      assertThat(problems("[{'name':'ALL','handler':'A'}]")).hasSize(1).first().asString().startsWith("steps[0].name: must not be ALL");
    }

    @Test
    void get_suggestions_for_unknown_keys() {
      assertThat(problems("[{'name':'a','handler':'A','depend_on':[],'retry':{'max_retries':3},'timeout':5,'zzz':1}]"))
          .containsExactlyInAnyOrder(
              "steps[0].depend_on: is not a known key; did you mean depends_on?",
              "steps[0].timeout: is not a known key; did you mean timeout_ms?",
              "steps[0].zzz: is not a known key",
              "steps[0].retry.max_retries: is not a known key; did you mean max_attempts?");
    }

    @Test
    void name_their_parents_once_each_by_known_names_other_than_their_own() {
      assertThat(
              problems(
                  "[{'name':'validate','handler':'A'},"
                      + "{'name':'b','handler':'B','depends_on':['validate','validate','b','valdate',3,null]}]"))
          .containsExactlyInAnyOrder(
              "steps[1].depends_on[1]: \"validate\" is named twice",
              "steps[1].depends_on[2]: a step cannot depend on itself",
              "steps[1].depends_on[3]: there is no step \"valdate\"; did you mean validate?",
              "steps[1].depends_on[4]: must be the name of a step, not the number 3: write it in quotes",
              "steps[1].depends_on[5]: must be the name of a step, not null");
      assertThat(problems("[{'name':'a','handler':'A','depends_on':'b'}]"))
          .containsExactly("steps[0].depends_on: must be an array, not the string \"b\"");
    }

    @Test
    void with_a_bad_name_are_still_found_by_their_children() {
      assertThat(problems("[{'name':'a b','handler':'A'},{'name':'c','handler':'C','depends_on':['a b']}]"))
          .containsExactly(
              "steps[0].name: must begin with a letter, a digit or _, and go on with these or any of . : / -");
    }

    @Test
    void in_a_cycle_are_named_in_the_order_in_which_they_would_run() {
      assertThat(
              problems(
                  "[{'name':'root','handler':'A'},{'name':'a','handler':'A','depends_on':['root','c']},"
                      + "{'name':'b','handler':'A','depends_on':['a']},{'name':'c','handler':'A','depends_on':['b']},"
                      + "{'name':'after','handler':'A','depends_on':['c']}]"))
          .containsExactly("steps[1].depends_on: the steps wait for each other in a cycle: a → b → c → a");
    }

    @Test
    void in_several_cycles_are_all_named() {
      assertThat(
              problems(
                  "[{'name':'x','handler':'A','depends_on':['b']},{'name':'a','handler':'A','depends_on':['b']},"
                      + "{'name':'b','handler':'A','depends_on':['a']},{'name':'c','handler':'A','depends_on':['d']},"
                      + "{'name':'d','handler':'A','depends_on':['c']}]"))
          .containsExactly(
              "steps[1].depends_on: the steps wait for each other in a cycle: a → b → a",
              "steps[3].depends_on: the steps wait for each other in a cycle: c → d → c");
    }

    @ParameterizedTest
    @CsvSource(
        delimiter = '|',
        value = {
          "'max_attempts':1001 | max_attempts: must be an integer from 1 to 1000, not the number 1001",
          "'max_attempts':3.0 | max_attempts: must be an integer from 1 to 1000, not the number 3.0",
          "'max_attempts':99999999999999999999999 | max_attempts: must be an integer from 1 to 1000, not the number 99999999999999999999999",
          "'backoff':'exponental' | backoff: must be one of exponential, linear, fixed, none, not the string \"exponental\"; did you mean exponential?",
          "'backoff':1 | backoff: must be one of exponential, linear, fixed, none, not the number 1",
          "'base_ms':-1 | base_ms: must be an integer from 0 to 31536000000, not the number -1",
          "'jitter':1.01 | jitter: must be a number from 0 to 1, not the number 1.01",
          "'jitter':'0.1' | jitter: must be a number from 0 to 1, not the string \"0.1\"",
          "'jitter':1e999 | jitter: must be a number from 0 to 1, not the number 1e999",
          "'retryable':'no' | retryable: must be true or false, not the string \"no\""
        })
    void state_the_bounds_of_a_bad_retry_value(String retry, String problem) {
      assertThat(problems("[{'name':'a','handler':'A','retry':{" + retry + "}}]"))
          .containsExactly("steps[0].retry." + problem);
    }

    @Test
    void take_max_attempts_at_its_bounds() {
      assertThat(read("[{'name':'a','handler':'A','retry':{'max_attempts':1}}]").steps().get(0).retry().maxAttempts())
          .isEqualTo(1);
      assertThat(read("[{'name':'a','handler':'A','retry':{'max_attempts':1000}}]").steps().get(0).retry().maxAttempts())
          .isEqualTo(1_000);
    }

    @Test
    void have_an_object_as_their_config() {
      assertThat(problems("[{'name':'a','handler':'A','config':[1]}]"))
          .containsExactly("steps[0].config: must be an object, not an array");
    }

    @Test
    void have_a_handler_on_one_line() {
      assertThat(problems("[{'name':'a','handler':''},{'name':'b','handler':'A\\u0007'},{'name':'c'}]"))
          .containsExactlyInAnyOrder(
              "steps[0].handler: must not be empty",
              "steps[1].handler: must not contain control characters",
              "steps[2].handler: is required");
    }
  }

  @Nested
  class Defaults {

    @Test
    void stand_behind_what_a_step_says() {
      TaskTemplate template =
          read(
              "[{'name':'a','handler':'A','retry':{'base_ms':5},'timeout_ms':7,'config':{'x':{'own':1}}},"
                  + "{'name':'b','handler':'B'}]",
              "'defaults':{'retry':{'max_attempts':9,'base_ms':1},'timeout_ms':30,'max_crashes':4,"
                  + "'config':{'x':{'own':0,'common':2}}}");

      StepDefinition a = template.steps().get(0);
      StepDefinition b = template.steps().get(1);
      assertThat(a.retry().maxAttempts()).isEqualTo(9);
      assertThat(a.retry().baseMs()).isEqualTo(5);
      assertThat(a.timeoutMs()).isEqualTo(7);
      assertThat(a.config()).isEqualTo(json("{'x':{'common':2,'own':1}}"));
      assertThat(b.retry().baseMs()).isEqualTo(1);
      assertThat(b.timeoutMs()).isEqualTo(30);
      assertThat(b.maxCrashes()).isEqualTo(4);
      assertThat(b.config()).isEqualTo(json("{'x':{'common':2,'own':0}}"));
    }

    @Test
    void are_checked_like_a_step() {
      assertThat(problems(ONE, "'defaults':{'timeout_ms':0,'retries':3}"))
          .containsExactlyInAnyOrder(
              "defaults.timeout_ms: must be an integer from 1 to 31536000000, not the number 0",
              "defaults.retries: is not a known key; did you mean retry?");
    }
  }

  @Nested
  class Environments {

    private static final String STEPS =
        "[{'name':'a','handler':'A','timeout_ms':1,'config':{'url':'live','n':1}},{'name':'b','handler':'B'}]";
    private static final String TEST =
        "'environments':{'test':{'defaults':{'timeout_ms':50,'max_crashes':9},'steps':["
            + "{'name':'a','handler':'FakeA','retry':{'base_ms':2},'config':{'url':'fake'}},"
            + "{'name':'ALL','retry':{'base_ms':1,'jitter':0}}]},'production':{}}";

    @Test
    void change_steps_by_name_and_all_of_them() {
      TaskTemplate template = TemplateReader.read(Templates.document(STEPS, TEST), "test");

      StepDefinition a = template.steps().get(0);
      StepDefinition b = template.steps().get(1);
      assertThat(a.handler()).isEqualTo("FakeA");
      assertThat(a.retry().baseMs()).as("the name beats ALL").isEqualTo(2);
      assertThat(a.retry().jitter()).isZero();
      assertThat(a.timeoutMs()).as("the step beats the environment's defaults").isEqualTo(1);
      assertThat(a.config()).isEqualTo(json("{'n':1,'url':'fake'}"));
      assertThat(b.handler()).isEqualTo("B");
      assertThat(b.retry().baseMs()).isEqualTo(1);
      assertThat(b.timeoutMs()).isEqualTo(50);
      assertThat(b.maxCrashes()).isEqualTo(9);
    }

    @Test
    void that_do_not_apply_leave_no_trace() {
      assertThat(TemplateReader.read(Templates.document(STEPS, TEST), "staging").document())
          .isEqualTo(read(STEPS).document());
    }

    @Test
    void are_checked_even_where_they_do_not_apply() {
      assertThat(
              problems(
                  STEPS,
                  "'environments':{'test':{'steps':[{'name':'c'},{'name':'a'},{'name':'a'},{'retry':{}},3,"
                      + "{'name':'b','depends_on':['a']},{'name':'ALL','retry':{'base_ms':'1'}}],'on_step_failure':'continue'}}"))
          .containsExactlyInAnyOrder(
              "environments.test.on_step_failure: is not a known key",
              "environments.test.steps[0].name: there is no step \"c\" (ALL stands for every step)",
              "environments.test.steps[2].name: \"a\" is overridden twice in this environment",
              "environments.test.steps[3].name: is required",
              "environments.test.steps[4]: must be an object, not the number 3",
              "environments.test.steps[5].depends_on: is not a known key",
              "environments.test.steps[6].retry.base_ms: must be an integer from 0 to 31536000000, not the string \"1\"");
    }
  }

  @Nested
  class InputSchemas {

    @Test
    void are_checked_with_the_template() {
      assertThat(problems(ONE, "'input_schema':{'type':'objekt','properties':{'a':{'$ref':'https://example.com/a'}}}"))
          .containsExactlyInAnyOrder(
              "input_schema.properties.a.$ref: must refer to a place in the same schema, such as \"#/$defs/order\": "
                  + "other documents are never loaded",
              "input_schema.type: must be one of \"array\", \"boolean\", \"integer\", \"null\", \"number\", \"object\", \"string\"");
    }

    @Test
    void are_objects() {
      assertThat(problems(ONE, "'input_schema':true")).containsExactly("input_schema: must be an object, not true");
    }

    @Test
    void of_stored_templates_are_not_checked_again() {
      Json document = Templates.document(ONE, "'input_schema':{'type':'objekt'}");

      assertThat(TemplateReader.readStored(document).inputSchema()).contains(json("{'type':'objekt'}"));
    }
  }
}
