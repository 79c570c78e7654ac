package io.taskercore.engine;

import io.taskercore.model.TaskerException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.postgresql.Driver;

/** The PostgreSQL driver is the application's if the application has loaded one, and that one may be old. */
final class DriverVersion {

  private static final int[] OLDEST = {42, 2, 14};
  private static final Pattern NUMBERS = Pattern.compile("(\\d+)\\.(\\d+)\\.(\\d+)");

  private DriverVersion() {}

  /** @throws TaskerException.Configuration if the driver is too old to have what we need */
  @SuppressWarnings("deprecation") // What is to be called instead leaves out the third number.
  static void check() {
    check(Driver.getVersion());
  }

  static void check(String name) {
    Matcher version = NUMBERS.matcher(name);
    if (version.find() && isOlder(version)) {
      throw new TaskerException.Configuration(
          "the application has loaded " + name + ", and tasker_core needs version 42.2.14 of it or a later one: update the jar"
              + " or the gem that brings it, or leave it out, for tasker_core has one of its own");
    }
  }

  private static boolean isOlder(Matcher version) {
    for (int i = 0; i < OLDEST.length; i++) {
      int number = Integer.parseInt(version.group(i + 1));
      if (number != OLDEST[i]) {
        return number < OLDEST[i];
      }
    }
    return false;
  }
}
