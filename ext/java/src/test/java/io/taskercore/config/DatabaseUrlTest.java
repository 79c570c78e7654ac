package io.taskercore.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.postgresql.Driver;

class DatabaseUrlTest {

  private static DatabaseUrl parse(String url) {
    try {
      return DatabaseUrl.parse(url);
    } catch (DatabaseUrl.Unusable e) {
      throw new AssertionError(e);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "postgres://me:secret@db.example.com/shop",
        "postgresql://me:secret@db.example.com:5432/shop",
        "jdbc:postgresql://db.example.com/shop?user=me&password=secret",
        "jdbc:postgresql://me:secret@db.example.com:5432/shop",
        "  POSTGRES://me:secret@db.example.com:/shop ",
        "postgres://db.example.com/?user=me&password=secret&dbname=shop",
        "postgres://me:secret@/shop?host=db.example.com"
      })
  void all_forms_mean_the_same(String url) {
    DatabaseUrl parsed = parse(url);

    assertThat(parsed).isEqualTo(parse("postgres://me:secret@db.example.com:5432/shop")).hasSameHashCodeAs(parse(url));
    assertThat(parsed.jdbcUrl()).isEqualTo("jdbc:postgresql://db.example.com:5432/shop");
    assertThat(parsed.user()).isEqualTo("me");
    assertThat(parsed.password()).isEqualTo("secret");
  }

  @ParameterizedTest
  @CsvSource({
    "postgres://h/d, jdbc:postgresql://h:5432/d",
    "postgres:///d, jdbc:postgresql://localhost:5432/d",
    "jdbc:postgresql:d, jdbc:postgresql://localhost:5432/d",
    "jdbc:postgresql:/d, jdbc:postgresql://localhost:5432/d",
    "postgres://[::1]:5433/d, jdbc:postgresql://[::1]:5433/d",
    "'postgres://a:1,b,c:3/d', 'jdbc:postgresql://a:1,b:5432,c:3/d'",
    "postgres://h/d?sslmode=require&application_name=my%20app, jdbc:postgresql://h:5432/d?ApplicationName=my+app&sslmode=require",
    "postgres://h/d?connect_timeout=3&target_session_attrs=read-write, jdbc:postgresql://h:5432/d?connectTimeout=3&targetServerType=primary",
    "postgres://h/d?prepared_statements=false&pool=5, jdbc:postgresql://h:5432/d?pool=5&prepareThreshold=0",
    "postgres://h/my%20db%2Fx, jdbc:postgresql://h:5432/my+db%2Fx",
    "postgres://h/d?port=6000, jdbc:postgresql://h:6000/d"
  })
  void a_url_becomes_the_drivers(String url, String jdbcUrl) {
    assertThat(parse(url).jdbcUrl()).isEqualTo(jdbcUrl);
    assertThat(Driver.parseURL(jdbcUrl, null)).as("the driver reads it").isNotNull();
  }

  @Test
  void the_driver_reads_back_what_was_meant() {
    var properties = Driver.parseURL(parse("postgres://h:5433/a%2Bb?options=-c%20x%3D1&application_name=a+b").jdbcUrl(), null);

    assertThat(properties.getProperty("PGDBNAME")).isEqualTo("a+b");
    assertThat(properties.getProperty("PGPORT")).isEqualTo("5433");
    assertThat(properties.getProperty("options")).isEqualTo("-c x=1");
    assertThat(properties.getProperty("ApplicationName")).isEqualTo("a+b");
  }

  @Test
  void credentials_are_percent_decoded() {
    DatabaseUrl url = parse("postgres://m%40il:p%3A%2F%40%20%C3%A4+%25@h/d");

    assertThat(url.user()).isEqualTo("m@il");
    assertThat(url.password()).isEqualTo("p:/@ ä+%");
  }

  @Test
  void an_at_sign_in_a_password_is_understood_without_encoding() {
    assertThat(parse("postgres://u:p@ss@h/d").password()).isEqualTo("p@ss");
  }

  @Test
  void credentials_may_be_missing() {
    assertThat(parse("postgres://h/d").user()).isNull();
    assertThat(parse("postgres://u@h/d").password()).isNull();
    assertThat(parse("postgres://u:@h/d").password()).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "postgres://me:hunter2@h:5432/shop",
        "postgres://me:hunter2@h/shop?sslpassword=hunter2",
        "jdbc:postgresql://h/shop?user=me&password=hunter2"
      })
  void no_text_shows_the_password(String url) {
    assertThat(parse(url)).hasToString("DatabaseUrl[me@h:5432/shop]");
    assertThat(parse(url).label()).isEqualTo("me@h:5432/shop");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "hunter2 | must look like postgres://user:password@host:5432/database",
        "mysql2://u:hunter2@h/d | must begin with postgres://, postgresql:// or jdbc:postgresql://, not mysql2://",
        "jdbc:mysql://u:hunter2@h/d | must begin with postgres://, postgresql:// or jdbc:postgresql://, not jdbc:mysql://",
        "postgres://u:hunter2@h | names no database: end it with /database",
        "postgres://u:hunter2@h/ | names no database: end it with /database",
        "postgres://u:hunter2@h:0/d | must have a port from 1 to 65535",
        "postgres://u:hunter2@h:65536/d | must have a port from 1 to 65535",
        "postgres://u:hunter2%@h/d | must have a % in the password written as %25",
        "postgres://u:%ff@h/d | must have its password in UTF-8, without NUL",
        "postgres://u:hunter2@h/d?x | must have its parameters as name=value, joined by &",
        "postgres://u:hunter2@h/d?sslmode=on | must have an sslmode of disable, allow, prefer, require, verify-ca or verify-full",
        "postgres://u:hunter2@/d?host=/tmp | names a Unix socket, which Java's driver cannot use: give a host"
      })
  void a_bad_url_is_refused_without_showing_the_password(String url, String problem) {
    assertThat(problem(url)).isEqualTo(problem).doesNotContain("hunter2");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "postgres://u:hunter2/x@h/d", "postgres://u:1234/hunter2@h/d", "postgres://u:1234/hunter2@h", "postgres://u:hun:ter2/@h/d",
        "postgres://u:12?hunter2@h/d", "postgres://u:hunter2?a=b@h/d", "postgres://hunter2 @ x:y:z/d"
      })
  void an_unescaped_password_is_never_taken_for_something_that_may_be_shown(String url) {
    assertThat(problem(url)).doesNotContain("hunter2").doesNotContain("ter2");
  }

  private static String problem(String url) {
    return catchThrowableOfType(DatabaseUrl.Unusable.class, () -> DatabaseUrl.parse(url)).getMessage();
  }
}
