package io.taskercore.jruby;

import io.taskercore.document.Path;
import io.taskercore.model.TaskerException;
import java.util.ArrayList;
import java.util.List;

/**
 * Says that a value cannot become JSON. It knows at once what is wrong, and learns on its way out where: each container that it passes
 * adds its key or index. So nothing is spent on paths while values are accepted.
 */
final class Refusal extends RuntimeException {

  private static final long serialVersionUID = 1L;

  /** Keys as String, indexes as Integer, innermost first. */
  private final transient List<Object> segments = new ArrayList<>();

  /** How many of the outermost segments make the path; the others lie inside a value that is refused as a whole. */
  private final int kept;

  Refusal(String message) {
    this(message, Integer.MAX_VALUE);
  }

  Refusal(String message, int kept) {
    super(message, null, false, false);
    this.kept = kept;
  }

  Refusal within(Object keyOrIndex) {
    segments.add(keyOrIndex);
    return this;
  }

  /**
   * @param root the path of the value that was given, may be empty
   */
  TaskerException.Validation at(String root) {
    Path path = new Path(root);
    int innermost = Math.max(0, segments.size() - kept);
    for (int i = segments.size() - 1; i >= innermost; i--) {
      path = segments.get(i) instanceof Integer index ? path.index(index) : path.key((String) segments.get(i));
    }
    return new TaskerException.Validation(path.text(), getMessage());
  }
}
