package io.taskercore.jruby;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.taskercore.testing.TestDatabase;
import java.io.File;
import java.lang.reflect.InvocationTargetException;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The core with the drivers that an application may have loaded before; their jars are in {@code linkage.folder}. */
class DriversTest {

  private static final Path DRIVERS = Path.of(System.getProperty("linkage.folder"), "drivers");

  private final TestDatabase database = TestDatabase.create();

  @Test
  void the_oldest_that_is_promised_will_do() throws Exception {
    try (database; URLClassLoader application = applicationWith("42.2.14")) {
      migrate(application);

      assertThat(database.number("SELECT count(*) FROM tasker.tasks")).isZero();
      assertThat(refusal(application, "?connectTimeout=soon")).hasMessageContaining("connectTimeout");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"42.2.13", "9.4.1212"})
  void one_that_is_older_is_a_configuration_error_that_names_the_version_that_is_needed(String version) throws Exception {
    try (database; URLClassLoader application = applicationWith(version)) {
      assertThat(refusal(application, "")).hasMessageContaining("42.2.14").hasMessageContaining(version);
    }
  }

  private Throwable refusal(ClassLoader application, String parameters) {
    Throwable thrown = catchThrowable(() -> call(application, parameters));
    assertThat(thrown).isInstanceOf(InvocationTargetException.class);
    assertThat(thrown.getCause().getClass().getSimpleName()).isEqualTo("Configuration");
    return thrown.getCause();
  }

  private void migrate(ClassLoader application) throws ReflectiveOperationException {
    call(application, "");
  }

  private void call(ClassLoader application, String parameters) throws ReflectiveOperationException {
    Class<?> json = application.loadClass("io.taskercore.model.Json");
    Class<?> config = application.loadClass("io.taskercore.config.OrchestrationConfig");
    String settings = "{\"database_url\": \"" + database.url() + parameters + "\"}";
    Object document = json.getMethod("of", String.class).invoke(null, settings);
    application.loadClass("io.taskercore.engine.Coordinator").getMethod("migrate", config)
        .invoke(null, config.getMethod("fromJson", json).invoke(null, document));
  }

  /** All that is on the class path here, but with another driver. */
  private static URLClassLoader applicationWith(String driver) throws MalformedURLException {
    List<URL> urls = new ArrayList<>();
    urls.add(DRIVERS.resolve("postgresql-" + driver + ".jar").toUri().toURL());
    String classPath = System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));
    for (String entry : classPath.split(File.pathSeparator)) {
      if (!Path.of(entry).getFileName().toString().startsWith("postgresql-")) {
        urls.add(Path.of(entry).toUri().toURL());
      }
    }
    return new URLClassLoader(urls.toArray(URL[]::new), ClassLoader.getPlatformClassLoader());
  }
}
