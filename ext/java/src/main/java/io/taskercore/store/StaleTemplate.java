package io.taskercore.store;

/** The template that a task was prepared with is not the newest any more, or not there: prepare it anew. */
public final class StaleTemplate extends RuntimeException {

  private static final long serialVersionUID = 1L;

  StaleTemplate() {
    super("the template has changed since the task was prepared", null, false, false);
  }
}
