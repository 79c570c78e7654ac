/** What a process does again and again for its claims and for those of dead processes. */
package io.taskercore.engine.housekeeping;
