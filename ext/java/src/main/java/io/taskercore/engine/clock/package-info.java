/** Time: real or a test's, with deadlines and timers that go by it. */
package io.taskercore.engine.clock;
