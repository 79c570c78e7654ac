# frozen_string_literal: true

require_relative "../support/resources"
require_relative "../support/workflows"

# Several Ruby runtimes in one Java process, as an application server has them: each with the core's classes of its own, when these
# come out of the gem, or all with the same, when the jar is on the class path. The specs' own runtime is one more.
RSpec.describe "Several runtimes in one process" do
  include Workflows

  OUR_LIB = File.expand_path("../../lib", __dir__)
  OUR_JARS = Dir["#{OUR_LIB}/tasker_core/jars/*.jar"]

  # A runtime with a coordinator and a worker, whose handlers say who they are; the log is in $log.
  LIFE_IN_A_RUNTIME = <<~RUBY
    require "tasker_core"
    require "stringio"
    $log = StringIO.new
    TaskerCore.logger = Logger.new($log)
    $coordinator = TaskerCore.create_coordinator_with_config(database_url: %<url>p, poll_interval_ms: 50)
    $seen = Queue.new
    $coordinator.register_handler("who") { |_| $seen << 1; sleep 0.01; { "who" => %<name>p } }
    $coordinator.subscribe("task.completed") { |_| nil }
    $worker = $coordinator.start_worker
  RUBY

  before { @containers = [] }

  after { @containers.each { |container| container.run_scriptlet("$coordinator.close") && container.terminate } }

  # @return [org.jruby.embed.ScriptingContainer]
  def start(name, class_loader = nil)
    embed = Java::OrgJrubyEmbed
    container = embed::ScriptingContainer.new(embed::LocalContextScope::SINGLETHREAD, embed::LocalVariableBehavior::TRANSIENT)
    container.class_loader = class_loader if class_loader
    container.load_paths = [OUR_LIB]
    @containers << container
    container.run_scriptlet(format(LIFE_IN_A_RUNTIME, url: @url, name: name))
    container
  end

  # Ends a runtime as its owner does: nothing was closed in it.
  def terminate(container)
    @containers.delete(container)
    container.terminate
  end

  def tasks(count)
    @template ||= coordinator.register_template(name: "who", version: "1.0.0", steps: [{ name: "a", handler: "who" }])
    coordinator.initialize_tasks(Array.new(count) { { task_name: "who" } }).map(&:task_id)
  end

  # @return [Hash{String => Integer}] how many of the tasks each runtime has run
  def done_by(task_ids)
    done = ->(task_id) { coordinator.task_context(task_id)["steps"].first["result"]&.fetch("who") }
    expect(eventually(60) { task_ids.all?(&done) }).to be(true)
    task_ids.map(&done).tally
  end

  def seen(container) = container.run_scriptlet("$seen.size")

  def pools = Resources.threads.select { |thread| thread.name.end_with?("housekeeper") }

  shared_examples "runtimes that live and end by themselves" do |shared:|
    let(:class_loader) { shared && class_loader_with_jars }

    def class_loader_with_jars
      urls = OUR_JARS.map { |jar| java.io.File.new(jar).to_uri.to_url }
      java.net.URLClassLoader.new(urls.to_java(java.net.URL), JRuby.runtime.class.java_class.class_loader)
    end

    it "work at the same time on one database, with #{shared ? 'one pool' : 'a pool each'}" do
      pools_before = pools
      first, second = %w[first second].map { |name| start(name, class_loader) }

      expect(done_by(tasks(100)).keys).to contain_exactly("first", "second")
      expect([seen(first), seen(second)]).to all(be_positive)
      # Others' pools may have ended meanwhile.
      expect((pools - pools_before).size).to eq(shared ? 1 : 2)
    end

    it "go on when one of them ends, which leaves nothing of its own" do
      first, second = %w[first second].map { |name| start(name, class_loader) }
      done_by(tasks(20))
      threads = Resources.threads
      terminate(first)

      expect(done_by(tasks(20))).to eq("second" => 20)
      expect(second.run_scriptlet("$worker.running? && $coordinator.health['status']")).to eq("ok")
      terminate(second)
      expect(eventually(60) { (Resources.threads & threads - @threads_of_group).empty? }).to be(true)
    end

    it "tell the log of those that are left what there is to tell" do
      first, second = %w[first second].map { |name| start(name, class_loader) }
      terminate(first)
      second.run_scriptlet(<<~RUBY)
        java_import "io.taskercore.jruby.CoreLogProvider"
        CoreLogProvider.new.logger_factory.get_logger("io.taskercore.engine.housekeeping.Reaper").warn("left over")
      RUBY

      expect(eventually { second.run_scriptlet("$log.string").include?("left over") }).to be(true)
    end
  end

  # The group's coordinator tells workers of new tasks by a thread that stays, so that is started first.
  before do
    coordinator.initialize_tasks([])
    expect(eventually { Resources.threads.any? { |thread| thread.name == "tasker-announcer" } }).to be(true)
    @threads_of_group = Resources.threads
  end

  describe "with the jar of the gem" do
    it_behaves_like "runtimes that live and end by themselves", shared: false
  end

  describe "with the jar on the class path" do
    it_behaves_like "runtimes that live and end by themselves", shared: true
  end
end
