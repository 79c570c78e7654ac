# frozen_string_literal: true

require "logger"
require "stringio"
require_relative "patience"

# A coordinator on a database of the example group's own, and short ways to run steps on it.
#
#   include Workflows
#   outcome = run_step { |context| { "n" => 1 } }     # one step with this handler, orchestrated to its end
#   outcome["state"]                                   # => "complete"
module Workflows
  include Patience

  def self.included(group)
    group.before(:all) do
      @url = TestDatabase.create
      TaskerCore.migrate!(@url)
      @coordinator = TaskerCore.create_coordinator_with_config(configuration)
    end
    group.after(:all) do
      @coordinator.close
      TestDatabase.drop(@url)
    end
    group.around do |example|
      TaskerCore.logger = Logger.new(log, level: :debug)
      example.run
    ensure
      TaskerCore.logger = nil
    end
  end

  attr_reader :coordinator

  # What the library logged in this example.
  def log = @log ||= StringIO.new

  def configuration = { database_url: @url, cancel_grace_ms: 50 }

  # Registers a template of these steps and creates a task of it.
  #
  # @return [Integer] the task's id
  def create_task(steps, payload: {}, on: coordinator, **template)
    name = "workflow_#{Workflows.next_number}"
    on.register_template({ name: name, version: "1.0.0", steps: steps }.merge(template))
    on.initialize_task(task_name: name, payload: payload).task_id
  end

  # Runs one step whose handler is the block, and returns it as the task context shows it.
  def run_step(handler = nil, payload: {}, retry_policy: { max_attempts: 1 }, **step, &block)
    name = coordinator.register_handler("handler_#{Workflows.next_number}", handler || block)
    task_id = create_task([{ name: "only", handler: name, retry: retry_policy }.merge(step)], payload: payload)
    coordinator.orchestrate_task(task_id, timeout_ms: 20_000)
    coordinator.task_context(task_id)["steps"].first
  end

  def self.next_number = @next_number = (@next_number || 0) + 1

  def handler_threads = Thread.list.select { |thread| thread.name.to_s.start_with?("tasker-handler") }
end
