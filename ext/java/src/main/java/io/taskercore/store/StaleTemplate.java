package io.taskercore.store;

/** The template that a task was prepared with is no longer the newest, or no longer exists: prepare the task again. */
public final class StaleTemplate extends RuntimeException {

  private static final long serialVersionUID = 1L;

  StaleTemplate() {
    super("the template has changed since the task was prepared", null, false, false);
  }
}
