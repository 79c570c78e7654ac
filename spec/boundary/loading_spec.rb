# frozen_string_literal: true

require "fileutils"
require "tmpdir"
require_relative "../support/other_jruby"
require_relative "../support/workflows"

# What an application pays for when it requires the library, in a runtime that has loaded nothing else.
RSpec.describe "Loading the library" do
  include Workflows

  before do
    embed = Java::OrgJrubyEmbed
    @runtime = embed::ScriptingContainer.new(embed::LocalContextScope::SINGLETHREAD, embed::LocalVariableBehavior::TRANSIENT)
    @runtime.load_paths = [File.expand_path("../../lib", __dir__)]
  end

  after { @runtime.terminate }

  def evaluate(code) = @runtime.run_scriptlet(code)

  it "loads what takes long only when it is used, and a first coordinator uses none of it" do
    loaded = evaluate(<<~RUBY)
      require "tasker_core"
      TaskerCore.create_coordinator_with_config(database_url: #{@url.dump}).close
      [Object.autoload?(:Logger), *%w[YAML ERB Date Forwardable].select { |name| Object.const_defined?(name) }].join(",")
    RUBY
    expect(loaded).to eq("logger")
  end

  it "works below a folder with a name beyond ASCII, and leaves its own lines there out of backtraces" do
    Dir.mktmpdir do |folder|
      home = File.join(folder, "prüf ordner")
      FileUtils.mkdir_p(home)
      FileUtils.cp_r(File.expand_path("../../lib", __dir__), home)
      application = File.join(home, "größe.rb")
      File.write(application, <<~RUBY)
        require "tasker_core"
        COORDINATOR = TaskerCore.create_coordinator_with_config(database_url: #{@url.dump})
        begin
          COORDINATOR.task_context(-1)
        rescue TaskerCore::Error => e
          File.write(#{"#{home}/out".dump}, e.backtrace.first)
        end
        begin
          require "tasker_core/cli"
          TaskerCore::CLI.run(["work", "-r", File.join(__dir__, "fehler_ä.rb")], err: File.open(#{"#{home}/err".dump}, "w"))
        end
      RUBY
      File.write(File.join(home, "fehler_ä.rb"), "def größe = raise(%q(zu groß).b)\ngröße\n")
      pid = OtherJRuby.spawn("-I", File.join(home, "lib"), application, out: File.join(home, "streams"), chdir: home, library: nil)
      Process.wait(pid)

      expect(File.read(File.join(home, "streams"))).to eq("")
      expect(File.read(File.join(home, "out"))).to start_with("#{application}:4:in")
      expect(File.read(File.join(home, "err"))).to match(/cannot load .*fehler_ä\.rb: RuntimeError: zu groß \(.*fehler_ä\.rb:1:in/)
    end
  end

  it "loads it then, whatever comes first" do
    done = evaluate(<<~RUBY)
      require "tasker_core"
      coordinator = TaskerCore.create_coordinator_with_config(database_url: #{@url.dump})
      name = coordinator.register_template("name: loading\nversion: 1.0.0\nsteps: [{name: a, handler: h}]").name
      TaskerCore.logger.debug("unwanted")
      coordinator.close
      [name, TaskerCore.logger.class].join(",")
    RUBY
    expect(done).to eq("loading,Logger")
  end

  it "leaves YAML to those who load it after the library" do
    loaded = evaluate(<<~RUBY)
      require "tasker_core"
      require "psych"
      Gem.load_yaml
      [Psych.load("a: 1")["a"], TaskerCore::TemplateSource.read("b: 2")["b"]].join(",")
    RUBY
    expect(loaded).to eq("1,2")
  end

  it "passes on what breaks into the loading of YAML" do
    raised = evaluate(<<~RUBY)
      require "tasker_core"
      TaskerCore::TemplateSource.define_singleton_method(:require) { |_| raise ThreadError, "enough" }
      begin
        TaskerCore::TemplateSource.read("a: 1")
      rescue StandardError => e
        e.class.name
      end
    RUBY
    expect(raised).to eq("ThreadError")
  end

  it "finds its own files wherever the load path leads to" do
    loaded = evaluate(<<~RUBY)
      require "tasker_core"
      $LOAD_PATH.reject! { |path| path.include?("#{File.expand_path('../../lib', __dir__)}") }
      TaskerCore::StepLogger.name
    RUBY
    expect(loaded).to eq("TaskerCore::StepLogger")
  end
end
