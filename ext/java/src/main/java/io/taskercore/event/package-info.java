/** Tells what happened to everybody who wants to hear it: after the commit, in order, and never in the way of the work itself. */
package io.taskercore.event;
