package io.taskercore.jruby;

import org.jruby.Ruby;
import org.jruby.RubyModule;

/**
 * Where Ruby enters: {@code JRuby::Util.load_ext("io.taskercore.jruby.Bridge")} defines what is native in {@code TaskerCore::Native}.
 *
 * <p>Whatever belongs to one Ruby runtime hangs on that module, never on a static, because the same classes may serve several runtimes.
 */
public final class Bridge {

  private Bridge() {}

  /** Called by JRuby, once per runtime. */
  public static void load(Ruby runtime) {
    RubyModule taskerCore = runtime.defineModule("TaskerCore");
    RubyModule nativeModule = taskerCore.defineModuleUnder("Native");
    nativeModule.defineAnnotatedMethods(Functions.class);
    RuntimeState.attach(nativeModule, taskerCore);
  }
}
