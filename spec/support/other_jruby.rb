# frozen_string_literal: true

# Another process like this one: the same Java with the same options, the same JRuby, the same library.
module OtherJRuby
  ROOT = File.expand_path("../..", __dir__)

  # @param arguments [Array<String>] JRuby's
  # @param options [Array<String>] Java's, besides those of this process
  # @return [Integer] the process id
  def self.spawn(*arguments, env: {}, out: File::NULL, chdir: ROOT, options: [])
    Process.spawn(env, *command(options), "-I", "#{ROOT}/lib", *arguments, in: File::NULL, out: out, err: %i[child out], chdir: chdir)
  end

  def self.command(further)
    java = "#{java_property('java.home')}/bin/java"
    options = Java::JavaLangManagement::ManagementFactory.runtime_mx_bean.input_arguments.to_a + further
    [java, *options, "-cp", java_property("java.class.path"), java_property("sun.java.command").split.first]
  end
  private_class_method :command

  def self.java_property(name) = Java::JavaLang::System.get_property(name)
  private_class_method :java_property
end
