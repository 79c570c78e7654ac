package io.taskercore.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.taskercore.document.Document;
import io.taskercore.document.Node;
import io.taskercore.model.Json;
import io.taskercore.model.TaskerException;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class OrchestrationConfigTest {

  private static final String URL = "'database_url':'postgres://u:hunter2@h/d'";

  private static Json json(String singleQuoted) {
    return Json.of(singleQuoted.replace('\'', '"'));
  }

  private static OrchestrationConfig config(String members) {
    return OrchestrationConfig.fromJson(json("{" + URL + (members.isEmpty() ? "" : "," + members) + "}"));
  }

  private static String environment(String members) {
    return OrchestrationConfig.readEnvironment(json("{" + members + "}")).text().replace('"', '\'');
  }

  @Test
  void the_url_alone_is_enough() {
    OrchestrationConfig config = config("");

    assertThat(config.databaseUrl().label()).isEqualTo("u@h:5432/d");
    assertThat(config.databasePoolSize()).isEqualTo(20);
    assertThat(config.connectionTimeoutMs()).isEqualTo(5_000);
    assertThat(config.maxParallelSteps()).isEqualTo(10);
    assertThat(config.stepTimeoutMs()).isEqualTo(30_000);
    assertThat(config.retryLimits()).isEmpty();
    assertThat(config.namespaces()).isEmpty();
    assertThat(config.maxCrashes()).isEqualTo(3);
    assertThat(config.pollIntervalMs()).isEqualTo(1_000);
    assertThat(config.leaseMs()).isEqualTo(5_000);
    assertThat(config.connectionMode()).isEqualTo(ConnectionMode.DIRECT);
    assertThat(config.virtualThreads()).isFalse();
    assertThat(config.sweepIntervalMs()).isEqualTo(30_000);
    assertThat(config.autoMigrate()).isFalse();
    assertThat(config.maxPayloadBytes()).isEqualTo(1_048_576);
    assertThat(config.environment()).isEqualTo("development");
  }

  @Test
  void given_keys_win_over_the_defaults() {
    OrchestrationConfig config =
        config(
            "'database_pool_size':5,'max_parallel_steps':7,'step_timeout_ms':100,'retry_limits':{'Shop::Charge':5,'ship':1},"
                + "'namespaces':['a','b'],'max_crashes':1,'poll_interval_ms':20,'lease_ms':300,'auto_migrate':true,"
                + "'max_payload_bytes':2048,'environment':'test','connection_timeout_ms':250,'connection_mode':'pooler','virtual_threads':true,"
                + "'sweep_interval_ms':100");

    assertThat(config.retryLimits()).isEqualTo(Map.of("Shop::Charge", 5, "ship", 1));
    assertThat(config.namespaces()).containsExactly("a", "b");
    assertThat(config.connectionMode()).isEqualTo(ConnectionMode.POOLER);
    assertThat(config.virtualThreads()).isTrue();
    assertThat(config.sweepIntervalMs()).isEqualTo(100);
    assertThat(config.autoMigrate()).isTrue();
    assertThat(
            List.of(
                config.databasePoolSize(), config.maxParallelSteps(), config.maxCrashes(), config.pollIntervalMs(),
                config.leaseMs(), config.maxPayloadBytes(), config.connectionTimeoutMs()))
        .containsExactly(5, 7, 1, 20, 300, 2_048, 250);
  }

  @ParameterizedTest
  @EnumSource(value = ConfigKey.class, names = "DATABASE_URL", mode = EnumSource.Mode.EXCLUDE)
  void null_counts_as_not_given(ConfigKey key) {
    assertThat(config("'" + key.value() + "':null")).isEqualTo(config(""));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "'max_paralel_steps':1 | max_paralel_steps: is not a known key; did you mean max_parallel_steps?",
        "'pool_size':1 | pool_size: is not a known key; did you mean database_pool_size?",
        "'database_pool_size':0 | database_pool_size: must be an integer from 1 to 1000, not the number 0",
        "'database_pool_size':'5' | database_pool_size: must be an integer from 1 to 1000, not the string \"5\"",
        "'step_timeout_ms':1.5 | step_timeout_ms: must be an integer from 1 to 31536000000, not the number 1.5",
        "'auto_migrate':'yes' | auto_migrate: must be true or false, not the string \"yes\"",
        "'retry_limits':{'a':0} | retry_limits.a: must be an integer from 1 to 1000, not the number 0",
        "'retry_limits':{'A::B':1001} | retry_limits[\"A::B\"]: must be an integer from 1 to 1000, not the number 1001",
        "'retry_limits':[] | retry_limits: must be an object of names and integers, not an array",
        "'namespaces':'a' | namespaces: must be an array of names, not the string \"a\"",
        "'namespaces':[] | namespaces: must name at least one; leave it out for all",
        "'namespaces':['a',1] | namespaces[1]: must be a string, not the number 1",
        "'environment':'' | environment: must not be empty",
        "'connection_mode':'session' | connection_mode: must be direct or pooler",
        "'connection_mode':true | connection_mode: must be a string, not true"
      })
  void a_bad_value_is_named_by_its_key(String members, String problem) {
    assertThatThrownBy(() -> config(members)).isInstanceOf(TaskerException.Configuration.class).hasMessage(problem);
  }

  @Test
  void everything_wrong_is_reported_at_once() {
    assertThatThrownBy(() -> OrchestrationConfig.fromJson(json("{'lease_ms':1,'environment':3}")))
        .isInstanceOf(TaskerException.Configuration.class)
        .hasMessageContaining("lease_ms: must")
        .hasMessageContaining("environment: must")
        .hasMessageContaining("database_url: is required: give it, or set DATABASE_URL");
  }

  @Test
  void a_document_that_is_no_object_is_refused() {
    assertThatThrownBy(() -> OrchestrationConfig.fromJson(json("[]"))).isInstanceOf(TaskerException.Configuration.class);
    assertThatThrownBy(() -> OrchestrationConfig.fromJson(json("{"))).isInstanceOf(TaskerException.Configuration.class);
  }

  @Test
  void a_bad_url_is_named_without_the_password() {
    assertThatThrownBy(() -> OrchestrationConfig.fromJson(json("{'database_url':'mysql://u:hunter2@h/d'}")))
        .isInstanceOf(TaskerException.Configuration.class)
        .hasMessageStartingWith("database_url: must begin with postgres://")
        .hasMessageNotContaining("hunter2");
  }

  @Test
  void no_text_shows_the_password() {
    assertThat(config("").toString()).doesNotContain("hunter2");
  }

  @Test
  void what_can_be_changed_at_run_time_is_changed_and_the_rest_kept() {
    OrchestrationConfig before = config("'max_parallel_steps':7,'namespaces':['a'],'retry_limits':{'x':2},'lease_ms':900");

    OrchestrationConfig after = before.with(json("{'step_timeout_ms':5,'namespaces':null,'retry_limits':{'y':3}}"));

    assertThat(after)
        .isEqualTo(config("'max_parallel_steps':7,'retry_limits':{'y':3},'lease_ms':900,'step_timeout_ms':5"));
  }

  @ParameterizedTest
  @EnumSource(ConfigKey.class)
  void a_key_that_cannot_be_changed_at_run_time_is_refused_by_name(ConfigKey key) {
    Json changes = json("{'" + key.value() + "':null}");

    if (key.reconfigurable()) {
      assertThat(config("").with(changes)).isEqualTo(config(""));
    } else {
      assertThatThrownBy(() -> config("").with(changes))
          .isInstanceOf(TaskerException.Configuration.class)
          .hasMessage(key.value() + ": cannot be changed at run time: it takes a new coordinator");
    }
  }

  @Test
  void environment_variables_become_values_of_their_types() {
    assertThat(
            environment(
                "'DATABASE_URL':'postgres://h/d','TASKER_ENV':'test','TASKER_MAX_PARALLEL_STEPS':' 4 ','TASKER_STEP_TIMEOUT_MS':'9',"
                    + "'TASKER_DB_POOL_SIZE':'3','TASKER_AUTO_MIGRATE':'True','TASKER_NAMESPACES':'a, b',"
                    + "'TASKER_RETRY_LIMITS':'A::B=5,ship=1','TASKER_LEASE_MS':'','PATH':'/bin','TASKER_OTHER':'x'"))
        .isEqualTo(
            "{'database_url':'postgres://h/d','database_pool_size':3,'max_parallel_steps':4,'step_timeout_ms':9,"
                + "'retry_limits':{'A::B':5,'ship':1},'namespaces':['a','b'],'auto_migrate':true,'environment':'test'}");
  }

  @Test
  void the_more_special_variable_wins() {
    assertThat(environment("'DATABASE_URL':'postgres://h/app','TASKER_DATABASE_URL':'postgres://h/tasks'"))
        .isEqualTo("{'database_url':'postgres://h/tasks'}");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "'TASKER_MAX_PARALLEL_STEPS':'abc' | TASKER_MAX_PARALLEL_STEPS: must be an integer from 1 to 10000, not the string \"abc\"",
        "'TASKER_MAX_PARALLEL_STEPS':'1_0' | TASKER_MAX_PARALLEL_STEPS: must be an integer from 1 to 10000, not the string \"1_0\"",
        "'TASKER_DB_POOL_SIZE':'0' | TASKER_DB_POOL_SIZE: must be an integer from 1 to 1000, not the number 0",
        "'TASKER_AUTO_MIGRATE':'maybe' | TASKER_AUTO_MIGRATE: must be true or false, not the string \"maybe\"",
        "'TASKER_NAMESPACES':'a,,b' | TASKER_NAMESPACES[1]: must not be empty",
        "'TASKER_RETRY_LIMITS':'a' | TASKER_RETRY_LIMITS: must be an object of names and integers, not the string \"a\"",
        "'TASKER_RETRY_LIMITS':'a=x' | TASKER_RETRY_LIMITS.a: must be an integer from 1 to 1000, not the string \"x\"",
        "'DATABASE_URL':'mysql://h/d' | DATABASE_URL: must begin with postgres://, postgresql:// or jdbc:postgresql://, not mysql://"
      })
  void a_bad_value_from_the_environment_is_named_by_its_variable(String members, String problem) {
    assertThatThrownBy(() -> environment(members)).isInstanceOf(TaskerException.Configuration.class).hasMessage(problem);
  }

  @Test
  void the_description_lists_every_key_once_with_its_variables() {
    Node.Arr keys = (Node.Arr) Document.read(ConfigKey.describe());
    Set<Node> variables = new HashSet<>();

    assertThat(keys.items()).hasSize(ConfigKey.values().length);
    for (Node key : keys.items()) {
      Map<String, Node> members = ((Node.Obj) key).members();
      assertThat(members).containsOnlyKeys("key", "env", "type", "min", "max", "default", "reconfigurable", "doc");
      assertThat(((Node.Arr) members.get("env")).items()).isNotEmpty().allMatch(variables::add);
    }
    assertThat(variables)
        .contains(
            new Node.Text("DATABASE_URL"), new Node.Text("TASKER_ENV"), new Node.Text("TASKER_MAX_PARALLEL_STEPS"),
            new Node.Text("TASKER_STEP_TIMEOUT_MS"), new Node.Text("TASKER_DB_POOL_SIZE"));
  }

  @Test
  void every_default_is_within_its_own_bounds() {
    assertThat(config("")).isNotNull();
    for (ConfigKey key : ConfigKey.values()) {
      if (key.otherwise() != Node.Null.NULL && key.otherwise() != Node.Obj.EMPTY) {
        String value = Document.write(key.otherwise()).text().replace('"', '\'');
        assertThat(config("'" + key.value() + "':" + value)).isEqualTo(config(""));
      }
    }
  }
}
