/** Who is told what happens: those who wait for work in this process and in others, and subscribers to events. */
package io.taskercore.engine.notify;
