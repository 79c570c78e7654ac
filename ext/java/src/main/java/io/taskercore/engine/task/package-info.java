/** Tasks and templates as a process keeps them while it works on them. */
package io.taskercore.engine.task;
