# frozen_string_literal: true

require_relative "../support/kit"
require_relative "../support/patience"

# Whole workflows, run inline in an example.
RSpec.describe TaskerCore::RSpec::Examples, :tasker_core do
  include Patience

  def register(*steps, **template)
    tasker.register_template({ name: "order", version: "1.0.0", steps: steps }.merge(template))
  end

  it "runs a workflow to its end, handlers on threads of their own" do
    stub_handler("reserve", reservation: "R-1")
    stub_handler("ship") { |context| { "for" => context.result_of("reserve")["reservation"], "thread" => Thread.current.name } }
    register({ name: "reserve", handler: "reserve" }, { name: "ship", handler: "ship", depends_on: ["reserve"] })

    run = run_workflow("order", payload: { id: 7 }, tags: ["spec"])

    expect(run).to have_completed
    expect(run.outcome).to include("status" => "complete", "steps_executed" => 2)
    expect(run.result_of(:ship)).to match("for" => "R-1", "thread" => /\Atasker-handler/)
    expect(run.context).to include("namespace" => "default", "name" => "order", "payload" => { "id" => 7 }, "tags" => ["spec"])
  end

  it "runs what the code under test has created, in a transaction of its own or with the process's coordinator" do
    stub_handler("a", {})
    stub_handler("creates") { |_| { "made" => TaskerCore.initialize_task(task_name: "inner").task_id } }
    register({ name: "a", handler: "a" })
    tasker.register_template(name: "outer", version: "1.0.0", steps: [{ name: "a", handler: "creates" }])
    tasker.register_template(name: "inner", version: "1.0.0", steps: [{ name: "a", handler: "a" }])
    TestDatabase.connect(TaskerCore::RSpec.settings.database_url) do |connection|
      connection.auto_commit = false
      TaskerCore.initialize_task({ task_name: "order" }, connection: connection)
      connection.commit
    end
    TaskerCore.initialize_tasks([{ task_name: "outer" }])

    ran = run_tasks

    expect(ran.map { |run| run.context["name"] }).to eq(%w[order outer inner])
    expect(ran).to all(have_completed)
    expect(created_tasks(:inner).map(&:task_id)).to eq([ran[1].result_of(:a)["made"]])
  end

  it "says that tasks wait for a transaction that is still open" do
    stub_handler("a", {})
    register({ name: "a", handler: "a" })
    TestDatabase.connect(TaskerCore::RSpec.settings.database_url) do |connection|
      connection.auto_commit = false
      start = -> { TaskerCore.initialize_tasks([{ task_name: "order" }] * 2, connection: connection) }

      expect { expect(&start).to start_workflow("order") }
        .to raise_error(/2 tasks were started in a transaction that is still open.*use_transactional_tests = false/)
      expect { run_tasks }.to raise_error(/1 task was started in a transaction that is still open/)
      expect { created_tasks }.to raise_error(/still open/)
      connection.commit
      expect(run_tasks).to all(have_completed)

      start.call
      connection.rollback
      expect(created_tasks.size).to eq(2)
    end
  end

  it "knows of no task whose transaction was rolled back" do
    register({ name: "a", handler: "a" })
    expect do
      TestDatabase.connect(TaskerCore::RSpec.settings.database_url) do |connection|
        connection.auto_commit = false
        TaskerCore.initialize_task({ task_name: "order" }, connection: connection)
        connection.rollback
      end
    end.not_to start_workflow

    expect(created_tasks).to eq([])
    expect(created_tasks(:order)).to eq([])
    expect(run_tasks).to eq([])
  end

  it "runs once what has ended" do
    stub_handler("a", {})
    stub_handler("b") { |_| raise TaskerCore::PermanentError, "no" }
    register({ name: "a", handler: "a" })
    tasker.register_template(name: "failing", version: "1.0.0", steps: [{ name: "b", handler: "b" }])
    ended = [run_workflow("order"), run_workflow("failing"), tasker.initialize_task(task_name: "order")].map { |task| task.task_id }
    tasker.cancel_task(ended.last, reason: "enough")
    created = tasker.initialize_task(task_name: "order")

    expect(run_tasks.map(&:task_id)).to eq([created.task_id])
    expect(created_tasks.map(&:task_id)).to eq([*ended, created.task_id])
    expect(run_tasks).to eq([])
  end

  it "lists an example's tasks as the core does, of all namespaces" do
    expect { tasker.list_tasks(limit: 0) }.to raise_error(TaskerCore::ValidationError, /limit/)
    expect { tasker.list_tasks(nonsense: 1) }.to raise_error(TaskerCore::ValidationError, /nonsense/)
    %w[one two].each do |namespace|
      tasker.register_template(namespace: namespace, name: "order", version: "1.0.0", steps: [{ name: "a", handler: "a" }])
      2.times { tasker.initialize_task(namespace: namespace, task_name: "order") }
    end

    expect(tasker.list_tasks["tasks"].map { |task| task["namespace"] }).to eq(%w[two two one one])
    ids = ->(page) { page["tasks"].map { |task| task["task_id"] } }
    page = tasker.list_tasks(limit: 3)
    rest = tasker.list_tasks(limit: 3, cursor: page["next_cursor"])
    expect([page, rest].map(&ids)).to eq([created_tasks.map(&:task_id).last(3).reverse, [created_tasks.first.task_id]])
    expect(rest["next_cursor"]).to be_nil
  end

  it "goes on with a task, however it is named" do
    stub_handler("a") { |_| raise TaskerCore::PermanentError, "not yet" }
    register({ name: "a", handler: "a" })
    created = tasker.initialize_task(task_name: "order")
    expect(run_task(created)).to have_failed
    stub_handler("a", {})
    tasker.retry_step(created_tasks.first.step(:a)["step_id"])

    expect([run_task(created.task_id), run_task(run_task(created)), created, created.task_id]).to all(have_completed)
    expect { run_task(Object.new) }.to raise_error(ArgumentError, /expected a task/)
    expect { run_task(-1) }.to raise_error(TaskerCore::TaskNotFoundError, "Task not found: -1")
  end

  it "takes a TaskHandler and a whole request as well" do
    stub_const("KitOrders", Class.new(TaskerCore::TaskHandler) { template({ name: "kit_orders", version: "1.0.0", steps: [{ name: "a", handler: "a" }] }) })
    stub_handler("a") { |context| context.payload }

    expect(run_workflow(KitOrders, payload: { n: 1 }, priority: 7)).to have_step(:a).with_result(n: 1)
    expect(run_workflow(task_name: "kit_orders", payload: { n: 2 })).to have_step(:a).with_result(n: 2)
  end

  it "has handlers played by blocks, by results, and not at all" do
    stub_const("KitCharge", Class.new { def call(_) = raise("the real one") })
    register({ name: "charge", handler: "KitCharge" }, { name: "other", handler: "KitNowhere" })
    stub_handler(KitCharge, { "charge_id" => "ch_1" })

    run = run_workflow("order")

    expect(run).to have_step(:charge).with_result(charge_id: "ch_1")
    expect(run).to have_step(:other).in_state("enqueued")
    expect(run.report).to match(/other +enqueued +no running process has a handler named KitNowhere|other .*KitNowhere/)
    expect(run).not_to have_completed
  end

  it "hands out what a handler raised, as it raised it" do
    stub_handler("a") { |_| Integer("seven") }
    register({ name: "a", handler: "a", retry: { max_attempts: 1 } })
    run = run_workflow("order")

    expect(run.exception_of(:a)).to be_an(ArgumentError)
    expect(run.exception_of(:a).backtrace.join).to include(__FILE__)
    expect { run.step(:b) }.to raise_error(KeyError, /has no step b, only a/)
  end

  it "fails the example when an expectation fails inside of a handler" do
    stub_handler("a") { |_| expect(1).to eq(2) }
    register({ name: "a", handler: "a", retry: { max_attempts: 1 } })

    expect { run_workflow("order") }.to raise_error(RSpec::Expectations::ExpectationNotMetError, /expected: 2/)
  end

  it "knows the application's templates without their registration" do
    stub_handler("a", {})
    template = { "namespace" => "shop", "name" => "from_a_file", "version" => "2.0.0", "steps" => [{ "name" => "a", "handler" => "a" }] }
    allow(TaskerCore::RSpec.stage.instance_variable_get(:@library)).to receive(:find).with("shop", "from_a_file").and_return([template])

    expect(run_workflow("from_a_file", namespace: "shop")).to have_completed
  end

  it "works in the namespaces that the application's workers have" do
    TaskerCore::RSpec.settings.config = { namespaces: ["shop"] }
    TaskerCore::RSpec::Session.during do
      stub_handler("a", {})
      register({ name: "a", handler: "a" }, namespace: "shop")
      created = tasker.initialize_task(namespace: "shop", task_name: "order")
      tasker.start_worker
      expect(eventually { created_tasks.first.status == "complete" }).to be(true), created_tasks.first.report
      expect(created).to have_completed
    end
  ensure
    TaskerCore::RSpec.settings.config = {}
  end

  it "has the application's limits of attempts, by handler and by step" do
    TaskerCore::RSpec.settings.config = { retry_limits: { "kit.limited" => 2, "by_step" => 4 } }
    TaskerCore::RSpec::Session.during do
      stub_handler("kit.limited") { |_| raise "always" }
      register({ name: "by_handler", handler: "kit.limited" }, { name: "by_step", handler: "kit.limited" })
      run = run_workflow("order")
      expect(run).to have_step(:by_handler).with_attempts(2).and have_step(:by_step).with_attempts(4)
    end
  ensure
    TaskerCore::RSpec.settings.config = {}
  end
end

RSpec.describe "Examples without :tasker_core" do
  it "have none of it, and are told so" do
    expect(self).not_to respond_to(:run_workflow)
    expect { TaskerCore::RSpec::Session.current! }.to raise_error(ArgumentError, /this is for examples with :tasker_core/)
  end
end

RSpec.describe "Examples of a workflow", type: :workflow do
  it "have it by their type" do
    expect(tasker).to equal(TaskerCore.coordinator)
  end
end
