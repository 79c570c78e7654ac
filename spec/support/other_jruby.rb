# frozen_string_literal: true

# Another process like this one: the same Java with the same options, the same JRuby, the same library.
module OtherJRuby
  ROOT = File.expand_path("../..", __dir__)

  # @param arguments [Array<String>] JRuby's
  # @param flags [Array<String>] of the JVM
  # @param library [String, nil] where the library is; nil: as the arguments say
  # @return [Integer] the process id
  def self.spawn(*arguments, env: {}, out: File::NULL, chdir: ROOT, library: "#{ROOT}/lib", flags: [])
    Process.spawn(env, *command(flags), *(["-I", library] if library), *arguments, in: File::NULL, out: out, err: %i[child out], chdir: chdir)
  end

  def self.command(flags)
    java = "#{java_property('java.home')}/bin/java"
    options = Java::JavaLangManagement::ManagementFactory.runtime_mx_bean.input_arguments.to_a
    [java, *options, *flags, "-cp", java_property("java.class.path"), java_property("sun.java.command").split.first]
  end
  private_class_method :command

  def self.java_property(name) = Java::JavaLang::System.get_property(name)
  private_class_method :java_property
end
