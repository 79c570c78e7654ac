/** Who is told of what happens: those who wait for work in this process and in others, and subscribers of events. */
package io.taskercore.engine.notify;
