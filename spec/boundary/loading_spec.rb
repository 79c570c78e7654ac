# frozen_string_literal: true

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
