/**
 * JSON documents that people write: templates, configurations, requests.
 *
 * <p>A document is read into {@link io.taskercore.document.Node}s, which keep every number as it was written, and its keys are
 * taken through {@link io.taskercore.document.Fields}, which collects everything that is wrong instead of stopping at the first.
 */
package io.taskercore.document;
