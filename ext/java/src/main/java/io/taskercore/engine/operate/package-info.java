/** What people do to tasks and steps by hand. */
package io.taskercore.engine.operate;
