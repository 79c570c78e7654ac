package io.taskercore.jruby;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;

/** Java's virtual threads, by reflection, because the bridge is compiled for Java 17. */
final class VirtualThreads {

  private static final int FIRST_JAVA = 21;

  /** Whether this Java has them. */
  static final boolean AVAILABLE = Runtime.version().feature() >= FIRST_JAVA;

  private static final MethodHandle START;
  private static final MethodHandle IS_VIRTUAL;

  static {
    try {
      MethodHandles.Lookup lookup = MethodHandles.publicLookup();
      START = AVAILABLE
          ? lookup.findStatic(Thread.class, "startVirtualThread", MethodType.methodType(Thread.class, Runnable.class))
          : null;
      IS_VIRTUAL = AVAILABLE ? lookup.findVirtual(Thread.class, "isVirtual", MethodType.methodType(boolean.class)) : null;
    } catch (ReflectiveOperationException notTheJavaThatItSays) {
      throw new ExceptionInInitializerError(notTheJavaThatItSays);
    }
  }

  private VirtualThreads() {}

  /** Runs the task on a virtual thread of its own. */
  static void start(Runnable task) {
    try {
      Thread started = (Thread) START.invokeExact(task);
      assert started != null;
    } catch (RuntimeException | Error failure) {
      throw failure;
    } catch (Throwable impossible) {
      throw new IllegalStateException(impossible);
    }
  }

  /** Whether the calling thread is a virtual one. */
  static boolean isCurrent() {
    try {
      return AVAILABLE && (boolean) IS_VIRTUAL.invokeExact(Thread.currentThread());
    } catch (RuntimeException | Error failure) {
      throw failure;
    } catch (Throwable impossible) {
      throw new IllegalStateException(impossible);
    }
  }
}
