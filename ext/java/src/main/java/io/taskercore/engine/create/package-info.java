/** From requests to tasks. */
package io.taskercore.engine.create;
