package io.taskercore.model;

/**
 * Identifies a template.
 *
 * @param templateId its id in the database as it is now; a database that went back in time or was emptied may give it out again
 * @param digest of the content of the template with that id
 */
public record TemplateKey(long templateId, long digest) {

  /** The key where there is no template. */
  public static final TemplateKey NONE = new TemplateKey(0, 0);
}
