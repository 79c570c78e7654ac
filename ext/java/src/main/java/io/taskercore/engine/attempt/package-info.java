/** Attempts at steps: where they wait for a slot and a handler thread, and how they begin and end. */
package io.taskercore.engine.attempt;
