/** Claims of steps, and what becomes of those whose confirmation was lost. */
package io.taskercore.engine.claim;
