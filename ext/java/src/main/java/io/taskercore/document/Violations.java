package io.taskercore.document;

import io.taskercore.model.TaskerException;
import io.taskercore.model.Violation;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Supplier;

/** Collects what is wrong with a document: the first hundred violations in words, the rest as a number. */
public final class Violations {

  private static final int IN_WORDS = 100;

  private final Set<Violation> found = new LinkedHashSet<>();
  private int further;

  public void add(Path path, String message) {
    add(path, () -> message);
  }

  /** The same with a message that takes some work to make, such as a search for the name that was meant. */
  public void add(Path path, Supplier<String> message) {
    if (found.size() < IN_WORDS) {
      found.add(new Violation(path.text(), message.get()));
    } else {
      further++;
    }
  }

  public void addAll(List<Violation> others) {
    others.forEach(other -> add(new Path(other.path()), other.message()));
  }

  public boolean isEmpty() {
    return found.isEmpty();
  }

  public List<Violation> list() {
    List<Violation> all = new ArrayList<>(found);
    if (further > 0) {
      all.add(new Violation("", "and " + further + " more"));
    }
    return List.copyOf(all);
  }

  /** Throws {@link TaskerException.Validation} with everything that was found, if anything was. */
  public void throwIfAny() {
    if (!found.isEmpty()) {
      throw new TaskerException.Validation(list());
    }
  }
}
