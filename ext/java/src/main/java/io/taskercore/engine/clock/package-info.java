/** Time, real or a test's, with deadlines and timers that follow it. */
package io.taskercore.engine.clock;
