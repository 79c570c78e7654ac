/** Calls and workers that have steps run in this process. */
package io.taskercore.engine.run;
