# frozen_string_literal: true

require_relative "../support/workflows"

# What one sees in a console, a debugger or an error report.
RSpec.describe "inspect" do
  include Workflows

  # As a database has it that wants one; PostgreSQL here trusts everybody.
  def url_with_password = @url.sub(%r{//[^@/]*@}, "//postgres:hunter2@")

  def configuration = super.merge(database_url: url_with_password)

  # A coordinator with all that hangs on it, and an attempt's context and failure.
  def objects
    seen = nil
    coordinator.register_handler("looks") { |context| (seen = context) && {} }
    task_id = create_task([{ name: "a", handler: "looks" }], payload: { token: "s3cret" })
    coordinator.orchestrate_task(task_id)
    worker = coordinator.start_worker.tap(&:stop)
    subscription = coordinator.subscribe("task.*") { |_| nil }
    { coordinator: coordinator, worker: worker, subscription: subscription, context: seen, logger: seen.logger,
      task_handler: Class.new(TaskerCore::TaskHandler).new(coordinator), result: coordinator.health,
      success: TaskerCore::StepSuccess.new(result: {}), failure: TaskerCore::StepFailure.new(message: "m"), error: refused }
  end

  def refused
    TaskerCore.create_coordinator("postgres://nobody:hunter2@127.0.0.1:1/none")
  rescue TaskerCore::DatabaseError => e
    e
  end

  it "says what an object is and how it stands, and holds no password" do
    shown = objects.transform_values(&:inspect)

    expect(shown.values.grep(/hunter2/)).to be_empty
    expect(shown).to include(
      coordinator: "#<TaskerCore::Coordinator open>", worker: "#<TaskerCore::Worker stopped>",
      subscription: "#<TaskerCore::Subscription task.* active>", context: /\A#<TaskerCore::StepContext task \d+, step a, attempt 1 of \d+>\z/,
      result: /\A#<TaskerCore::Result \{"status"/, error: /\A#<TaskerCore::DatabaseError: Database error: /
    )
  end

  it "is short, whatever an object refers to" do
    expect(objects.except(:result).transform_values { |object| object.inspect.size }.select { |_, size| size > 300 }).to eq({})
  end

  it "keeps the password out of messages, the log and what a pool is called" do
    refused
    other = TaskerCore.create_coordinator_with_config(configuration)
    other.close
    expect(other.inspect).to eq("#<TaskerCore::Coordinator closed>")
    [{ database_url: "postgres://a:hunter2@h:x/d" }, { database_url: "ftp://a:hunter2@h/d" }, { database_url: url_with_password, x: 1 },
     { database_url: "jdbc:postgresql://h/d?password=hunter2&sslmode=odd" }].each do |wrong|
      expect { TaskerCore.create_coordinator_with_config(wrong) }.to raise_error(TaskerCore::Error) { |e| expect(e.message).not_to include("hunter2") }
    end

    expect(log.string).not_to include("hunter2")
    expect(java.lang.Thread.all_stack_traces.key_set.map(&:name).grep(/hunter2/)).to be_empty
  end
end
