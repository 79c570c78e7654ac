/** Answers about tasks, steps and the health of the process. */
package io.taskercore.engine.report;
