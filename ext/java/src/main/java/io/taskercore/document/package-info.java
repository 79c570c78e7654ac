/**
 * JSON documents that people write: templates, configurations, requests.
 *
 * <p>A document is read into {@link io.taskercore.document.Node}s, which keep every number as it was written. Its keys are taken through
 * {@link io.taskercore.document.Fields}, which collect everything that is wrong instead of stopping at the first violation.
 */
package io.taskercore.document;
