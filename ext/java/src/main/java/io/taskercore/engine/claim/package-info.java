/** Claims of steps, and what happens to claims whose confirmation was lost. */
package io.taskercore.engine.claim;
