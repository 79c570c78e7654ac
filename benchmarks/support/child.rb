# frozen_string_literal: true

# A process of its own on this process's JVM, with its options and the library.
module Child
  LIBRARY = File.expand_path("../../lib", __dir__)

  # @param script [String] Ruby
  # @return [Array<String>] the command that runs it; arguments may follow
  def self.command(script)
    machine = java.lang.management.ManagementFactory.runtime_mx_bean
    property = java.lang.System.method(:get_property)
    [File.join(property.call("java.home"), "bin/java"), *machine.input_arguments.to_a, "-cp", property.call("java.class.path"),
     property.call("sun.java.command").split.first, "-I", LIBRARY, "-e", script]
  end
end
