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
end
