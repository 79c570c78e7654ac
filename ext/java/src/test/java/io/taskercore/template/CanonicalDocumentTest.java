package io.taskercore.template;

import static io.taskercore.template.Templates.json;
import static org.assertj.core.api.Assertions.assertThat;

import io.taskercore.model.Json;
import io.taskercore.model.StepDefinition;
import io.taskercore.model.TaskTemplate;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class CanonicalDocumentTest {

  @Test
  void a_document_has_every_setting_in_its_place() {
    TaskTemplate template =
        Templates.read(
            "[{'depends_on':['b'],'handler':'A','name':'a','timeout_ms':9,'description':'last'},{'handler':'B','name':'b'}]",
            "'description':'d','defaults':{'max_crashes':1},'environments':{'production':{}}");

    assertThat(template.document())
        .isEqualTo(
            json(
                "{'namespace':'default','name':'order','version':'1.0.0','description':'d','on_step_failure':'continue',"
                    + "'steps':[{'name':'b','handler':'B','depends_on':[],'config':{},'retry':{'max_attempts':3,"
                    + "'backoff':'exponential','base_ms':1000,'max_ms':30000,'jitter':0.1,'retryable':true},'max_crashes':1},"
                    + "{'name':'a','handler':'A','description':'last','depends_on':['b'],'config':{},'retry':{'max_attempts':3,"
                    + "'backoff':'exponential','base_ms':1000,'max_ms':30000,'jitter':0.1,'retryable':true},"
                    + "'timeout_ms':9,'max_crashes':1}]}"));
  }

  @Test
  void the_order_of_keys_and_saying_a_default_make_no_difference() {
    TaskTemplate a =
        Templates.read(
            "[{'name':'a','handler':'A','config':{'x':1,'y':{'p':1,'q':2}}}]",
            "'input_schema':{'type':'object','required':['x']}");
    TaskTemplate b =
        TemplateReader.read(
            json(
                "{'steps':[{'config':{'y':{'q':2,'p':1},'x':1},'retry':{'jitter':0.10,'max_attempts':3},'handler':'A',"
                    + "'name':'a','depends_on':[]}],'version':'1.0.0','namespace':'default','on_step_failure':'continue',"
                    + "'input_schema':{'required':['x'],'type':'object'},'name':'order'}"),
            "production");

    assertThat(b).isEqualTo(a);
    assertThat(b.document()).isEqualTo(a.document());
  }

  @Test
  void numbers_in_a_config_stay_as_they_were_written() {
    String config = "{'a':1e20,'b':1.50,'c':-0.0,'d':123456789012345678901234567890,'e':1E-7}";

    TaskTemplate template = Templates.read("[{'name':'a','handler':'A','config':" + config + "}]");

    assertThat(template.steps().get(0).config()).isEqualTo(json(config));
    assertThat(template.document().text()).contains(json(config).text());
  }

  @Test
  void an_integer_and_a_float_of_the_same_value_are_different() {
    assertThat(Templates.read("[{'name':'a','handler':'A','config':{'x':1}}]").document())
        .isNotEqualTo(Templates.read("[{'name':'a','handler':'A','config':{'x':1.0}}]").document());
  }

  static IntStream seeds() {
    return IntStream.range(0, 60);
  }

  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void random_templates_keep_parents_first_and_survive_being_read_again(int seed) {
    RandomTemplate random = new RandomTemplate(new Random(seed));

    TaskTemplate template = TemplateReader.read(random.document, "test");

    for (int ordinal = 0; ordinal < template.steps().size(); ordinal++) {
      StepDefinition step = template.steps().get(ordinal);
      int own = ordinal;
      assertThat(step.parents()).isSorted().allMatch(parent -> parent < own);
      assertThat(step.children()).isSorted().allMatch(child -> template.steps().get(child).parents().contains(own));
      assertThat(step.parents()).allMatch(parent -> template.steps().get(parent).children().contains(own));
    }
    assertThat(template.steps()).map(StepDefinition::name).isEqualTo(random.expectedOrder());
    assertThat(TemplateReader.read(template.document(), "test")).isEqualTo(template);
    assertThat(TemplateReader.readStored(template.document())).isEqualTo(template);
  }

  /** A DAG over the steps s0, s1, …: edges go from a place in a hidden order to a later one, and the document is shuffled. */
  private static final class RandomTemplate {
    final Json document;
    private final List<Integer> written = new ArrayList<>();
    private final List<List<Integer>> parents = new ArrayList<>();

    RandomTemplate(Random random) {
      int count = 1 + random.nextInt(25);
      double density = random.nextDouble() * 0.5;
      for (int i = 0; i < count; i++) {
        List<Integer> own = new ArrayList<>();
        for (int parent = 0; parent < i; parent++) {
          if (random.nextDouble() < density) {
            own.add(parent);
          }
        }
        Collections.shuffle(own, random);
        parents.add(own);
        written.add(i);
      }
      Collections.shuffle(written, random);
      String steps = written.stream().map(i -> step(i, random)).collect(Collectors.joining(","));
      document =
          Templates.document(
              "[" + steps + "]",
              "'defaults':{'timeout_ms':" + (1 + random.nextInt(9)) + "},"
                  + "'environments':{'test':{'steps':[{'name':'ALL','retry':{'base_ms':1}}]}}");
    }

    private String step(int i, Random random) {
      String dependsOn = parents.get(i).stream().map(p -> "'s" + p + "'").collect(Collectors.joining(","));
      String retry = random.nextBoolean() ? ",'retry':{'jitter':" + random.nextDouble() + "}" : "";
      String config = ",'config':{'z':" + random.nextLong() + ",'a':" + random.nextGaussian() * 1e10 + "}";
      return "{'name':'s" + i + "','handler':'H','depends_on':[" + dependsOn + "]" + retry + config + "}";
    }

    /** Again and again the first step in the document all of whose parents are placed. */
    List<String> expectedOrder() {
      List<Integer> placed = new ArrayList<>();
      while (placed.size() < written.size()) {
        placed.add(
            written.stream()
                .filter(i -> !placed.contains(i) && placed.containsAll(parents.get(i)))
                .findFirst()
                .orElseThrow());
      }
      return placed.stream().map(i -> "s" + i).toList();
    }
  }
}
