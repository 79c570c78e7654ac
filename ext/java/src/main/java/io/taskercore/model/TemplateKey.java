package io.taskercore.model;

/**
 * Which template.
 *
 * @param templateId its id in the database as it is now; one that went back in time or was emptied may give it out again
 * @param digest what the template with that id says
 */
public record TemplateKey(long templateId, long digest) {

  /** Where there is no template. */
  public static final TemplateKey NONE = new TemplateKey(0, 0);
}
