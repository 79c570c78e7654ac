package io.taskercore.template;

import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.taskercore.model.Json;
import io.taskercore.model.TaskTemplate;
import io.taskercore.model.TaskerException;
import io.taskercore.model.Violation;
import java.util.List;

/** Templates for tests, in a JSON with single quotes. */
final class Templates {

  private Templates() {}

  static Json json(String singleQuoted) {
    return Json.of(singleQuoted.replace('\'', '"'));
  }

  /** A template document with these steps and further keys. */
  static Json document(String steps, String further) {
    return json("{'name':'order','version':'1.0.0','steps':" + steps + (further.isEmpty() ? "" : "," + further) + "}");
  }

  static TaskTemplate read(String steps, String further) {
    return TemplateReader.read(document(steps, further), "production");
  }

  static TaskTemplate read(String steps) {
    return read(steps, "");
  }

  static List<String> problems(Json document) {
    TaskerException.Validation e =
        catchThrowableOfType(TaskerException.Validation.class, () -> TemplateReader.read(document, "production"));
    return e == null ? List.of() : e.violations().stream().map(Violation::toString).toList();
  }

  static List<String> problems(String steps, String further) {
    return problems(document(steps, further));
  }

  static List<String> problems(String steps) {
    return problems(steps, "");
  }
}
