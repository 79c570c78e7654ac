# frozen_string_literal: true

require "socket"
require "timeout"
require_relative "../support/workflows"

# Every call that waits can be broken off, at once, and leaves all as it should be.
RSpec.describe "Calls that wait" do
  include Workflows

  before(:all) do
    @coordinator.register_handler("plain") { |_| {} }
    @coordinator.register_template(name: "plain", version: "1.0.0", steps: [{ name: "a", handler: "plain" }])
    @done = @coordinator.handle_task(task_name: "plain").task_id
    @waiting = @coordinator.initialize_task(task_name: "plain", run_at: Time.now + 3600).task_id
  end

  attr_reader :done, :waiting

  # For PostgreSQL: what the calls below read and write is locked by somebody else for so long.
  LOCK_OF_ANOTHER = "LOCK TABLE tasker.tasks, tasker.workflow_steps, tasker.templates IN ACCESS EXCLUSIVE MODE"

  def with_locked_tables
    TestDatabase.connect(@url) do |connection|
      connection.auto_commit = false
      connection.create_statement.execute(LOCK_OF_ANOTHER)
      yield
    ensure
      connection.rollback
    end
  end

  ON_LOCKED_TABLES = {
    "initialize_task" => ->(spec) { spec.coordinator.initialize_task(task_name: "plain") },
    "initialize_tasks" => ->(spec) { spec.coordinator.initialize_tasks([{ task_name: "plain" }]) },
    "register_template" => ->(spec) { spec.coordinator.register_template(name: "x", version: "1.0.0", steps: [{ name: "a", handler: "plain" }]) },
    "handle_task" => ->(spec) { spec.coordinator.handle_task(task_name: "plain") },
    "orchestrate_task" => ->(spec) { spec.coordinator.orchestrate_task(spec.waiting) },
    "orchestrate_with_errors" => ->(spec) { spec.coordinator.orchestrate_with_errors(spec.waiting) },
    "execute_step" => ->(spec) { spec.coordinator.execute_step(step_id: spec.done << 16) },
    "task_context" => ->(spec) { spec.coordinator.task_context(spec.done) },
    "list_tasks" => ->(spec) { spec.coordinator.list_tasks },
    "explain" => ->(spec) { spec.coordinator.explain(spec.done) },
    "cancel_task" => ->(spec) { spec.coordinator.cancel_task(spec.done, reason: "r") },
    "retry_step" => ->(spec) { spec.coordinator.retry_step(spec.done << 16) },
    "resolve_step" => ->(spec) { spec.coordinator.resolve_step(spec.done << 16, reason: "r") },
    "resolve_task" => ->(spec) { spec.coordinator.resolve_task(spec.done, reason: "r") },
    "performance_metrics" => ->(spec) { spec.coordinator.performance_metrics },
    "get_performance_metrics" => ->(_) { TaskerCore.get_performance_metrics }
  }.freeze

  # Of a class of its own: nobody rescues it by mistake.
  Enough = Class.new(StandardError)

  ENDINGS = {
    "Timeout" => ->(call) { Timeout.timeout(0.2) { call.call } },
    "Thread#raise" => ->(call) { in_thread(call) { |thread| thread.raise(Enough, "enough") } },
    "Thread#kill" => ->(call) { in_thread(call, &:kill) }
  }.freeze

  def self.in_thread(call)
    thread = Thread.new(&call)
    thread.report_on_exception = false
    sleep 0.01 until thread.stop?
    yield thread
    thread.join(30) or raise "it goes on waiting"
  end

  # @return [Hash{String => Object}] the names of those that were not broken off, with what they did instead
  def not_broken_off(ending, calls)
    calls.each_with_object({}) do |(name, call), odd|
      began = now
      answer = ENDINGS.fetch(ending).call(-> { call.call(self) })
      odd[name] = "returned #{answer.class}" unless ending == "Thread#kill"
      odd[name] = "took #{now - began} s" if now - began > 20
    rescue Enough
      next
    rescue Timeout::Error => e
      odd[name] = e unless e.instance_of?(Timeout::Error)
    rescue Exception => e # rubocop:disable Lint/RescueException
      odd[name] = e
    end
  end

  # Connections come back when their statements have ended, handlers run, no step was claimed and forgotten.
  def expect_all_in_order
    expect(eventually { coordinator.health["pool"].values_at("active", "waiting") == [0, 0] }).to be(true)
    expect(coordinator.handle_task(task_name: "plain")["status"]).to eq("complete")
    held = "SELECT count(*) AS n FROM tasker.workflow_steps WHERE state = 'in_progress'"
    expect(eventually { TestDatabase.execute(held, url: @url) == [{ "n" => 0 }] }).to be(true)
  end

  ENDINGS.each_key do |ending|
    it "on PostgreSQL are broken off by #{ending}" do
      expect(with_locked_tables { not_broken_off(ending, ON_LOCKED_TABLES) }).to eq({})
      expect_all_in_order
    end

    it "for a server that does not answer are broken off by #{ending}" do
      silent = TCPServer.new("127.0.0.1", 0)
      url = "postgres://nobody@127.0.0.1:#{silent.local_address.ip_port}/none"

      expect(not_broken_off(ending, "create_coordinator" => ->(_) { TaskerCore.create_coordinator(url) },
                                    "migrate!" => ->(_) { TaskerCore.migrate!(url) })).to eq({})
    ensure
      silent.close
    end

    it "for handlers are broken off by #{ending}" do
      gate = Queue.new
      began = Queue.new
      working = TaskerCore.create_coordinator_with_config(configuration.merge(poll_interval_ms: 50))
      working.register_handler("gated") { |_| (began << true) && gate.pop && nil }
      worker = working.start_worker
      task_id = create_task([{ name: "a", handler: "gated" }])
      began.pop

      calls = { "orchestrate_task" => ->(_) { working.orchestrate_task(task_id) }, "wait" => ->(_) { worker.wait },
                "stop" => ->(_) { worker.stop }, "close" => ->(_) { working.close } }
      expect(not_broken_off(ending, calls)).to eq({})
      gate.close
      expect(worker.wait(timeout_ms: 20_000)).to be(true)
      expect(coordinator.task_context(task_id).status).to eq("complete")
    ensure
      gate.close
      working&.close
    end
  end
end
