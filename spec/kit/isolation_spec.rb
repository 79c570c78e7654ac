# frozen_string_literal: true

require "timeout"
require_relative "../support/kit"

# What one example leaves to the next, and to others on its database: nothing.
RSpec.describe "The isolation of examples", :tasker_core do
  before(:all) do
    TaskerCore::RSpec.settings.database_url ||= TestDatabase.create
    @outside = TaskerCore.create_coordinator_with_config(database_url: TaskerCore::RSpec.settings.database_url, environment: "test", auto_migrate: true)
  end

  after(:all) { @outside.close }

  def rows(sql) = TestDatabase.execute(sql, url: TaskerCore::RSpec.settings.database_url)

  def counts
    rows(%w[tasks workflow_steps step_queue transitions templates template_steps idempotency_keys].map { |table| "SELECT '#{table}' AS name, count(*) AS n FROM tasker.#{table}" }.join(" UNION ALL "))
      .to_h { |row| row.values_at("name", "n") }
  end

  def template(handler, version: "1.0.0") = { namespace: "shop", name: "shared", version: version, steps: [{ name: "a", handler: handler }] }

  2.times do |i|
    it "lets examples use the same names, keys and versions (#{i})" do
      stub_handler("same", i: i)
      tasker.register_template(template("same").merge(description: "of example #{i}"))
      created = tasker.initialize_task(namespace: "shop", task_name: "shared", idempotency_key: "same", payload: { i: i })

      expect(created).to include("created" => true)
      expect(run_task(created)).to have_step(:a).with_result(i: i)
      expect(tasker.initialize_task(namespace: "shop", task_name: "shared", idempotency_key: "same", payload: { i: i })).to include("created" => false)
      expect(tasker.list_tasks["tasks"].size).to eq(1)
      expect(tasker.list_tasks(namespace: "shop", status: "complete")["tasks"].first).to include("namespace" => "shop", "idempotency_key" => "same")
    end
  end

  it "retries no tasks but its own" do
    @outside.register_handler("fails") { |_| raise TaskerCore::PermanentError, "no" }
    stub_handler("fails") { |_| raise TaskerCore::PermanentError, "no" }
    steps = [{ name: "a", handler: "fails" }]
    theirs, ours = [@outside, tasker].map do |coordinator|
      coordinator.register_template(namespace: "trades", name: "failing", version: "1.0.0", steps: steps)
      coordinator.initialize_task(namespace: "trades", task_name: "failing")
    end
    @outside.orchestrate_task(theirs.task_id)
    run_task(ours)

    expect(tasker.retry_tasks(namespace: "other")).to eq("tasks" => 0, "steps" => 0)
    expect(tasker.retry_tasks(namespace: "trades")).to eq("tasks" => 1, "steps" => 1)
    run_task(ours)
    expect(tasker.retry_tasks).to eq("tasks" => 1, "steps" => 1)
    expect(@outside.task_context(theirs.task_id)).to include("status" => "error")
  end

  it "leaves no row behind, of whatever became of its tasks" do
    before = counts
    TaskerCore::RSpec::Session.during do
      stub_handler("same") { |_| raise TaskerCore::PermanentError, "no" }
      tasker.register_template(template("same"))
      run_workflow("shared", namespace: "shop", idempotency_key: "k")
      tasker.initialize_task(namespace: "shop", task_name: "shared", run_at: Time.now + 3_600)
      tasker.cancel_task(tasker.initialize_task(namespace: "shop", task_name: "shared").task_id, reason: "enough")
      expect(counts["tasks"]).to eq(before["tasks"] + 3)
    end

    expect(counts).to eq(before)
  end

  it "stops what an example leaves running" do
    begun = Queue.new
    interrupted = Queue.new
    TaskerCore::RSpec.settings.config = { shutdown_timeout_ms: 50 }
    TaskerCore::RSpec::Session.during do
      stub_handler("same") { |_| (begun << true) && sleep } # until it is interrupted
      stub_handler("same") do |_|
        begun << true
        sleep
      ensure
        interrupted << true
      end
      tasker.register_template(template("same"))
      tasker.start_worker
      tasker.initialize_task(namespace: "shop", task_name: "shared")
      Timeout.timeout(30) { begun.pop }
    end

    expect(Timeout.timeout(30) { interrupted.pop }).to be(true)
    expect(rows("SELECT count(*) AS n FROM tasker.tasks WHERE namespace LIKE 'shop:rspec%'").first["n"]).to eq(0)
  ensure
    TaskerCore::RSpec.settings.config = {}
  end

  it "neither runs nor sees other data in its database, nor is it seen" do
    @outside.register_template(template("same", version: "9.0.0"))
    other = @outside.initialize_task(namespace: "shop", task_name: "shared", idempotency_key: "same")
    stub_handler("same", mine: true)
    tasker.register_template(template("same"))
    mine = run_workflow("shared", namespace: "shop", idempotency_key: "same")
    worker = tasker.start_worker
    mine_too = tasker.initialize_task(namespace: "shop", task_name: "shared")
    done = Thread.new { sleep 0.01 until tasker.task_context(mine_too.task_id).status == "complete" }
    expect(done.join(30)).to eq(done)
    worker.stop

    expect(mine.context["version"]).to eq("1.0.0")
    expect(@outside.task_context(other.task_id).status).to eq("pending")
    expect(@outside.list_tasks(namespace: "shop")["tasks"].map { |task| task["task_id"] }).to eq([other.task_id])
    expect(tasker.list_tasks["tasks"].map { |task| task["task_id"] }).to eq([mine_too.task_id, mine.task_id])
  ensure
    @outside.cancel_task(other.task_id, reason: "over") if other
  end

  it "keeps workers of others away, who have handlers of the same names" do
    ran = Queue.new
    @outside.register_handler("same") { |_| ran << :outside }
    worker = @outside.start_worker
    stub_handler("same", {})
    tasker.register_template(template("same"))
    created = tasker.initialize_task(namespace: "shop", task_name: "shared")
    control = @outside.register_template(name: "control", version: "1.0.0", steps: [{ name: "a", handler: "same" }])
    @outside.initialize_task(task_name: control.name)
    Timeout.timeout(30) { ran.pop } # that one it has run, and it came after ours

    expect(created_tasks.first).to have_step(:a).in_state("enqueued")
    expect(run_task(created)).to have_completed
  ensure
    worker&.stop
  end

  it "shows names as they were given, also in errors" do
    expect { tasker.initialize_task(namespace: "shop", task_name: "nowhere") }
      .to raise_error(TaskerCore::TemplateNotFoundError, "Template not found: nowhere in namespace shop; register it with register_template")
    registered = tasker.register_template(template("same"))
    step = tasker.task_context(tasker.initialize_task(namespace: "shop", task_name: "shared").task_id)["steps"].first

    expect(registered).to include("namespace" => "shop")
    expect(step["handler"]).to eq("same")
    expect { tasker.execute_step(step) }.to raise_error(TaskerCore::StateError, /no handler named same\z/)
    expect { tasker.register_template(template("same").merge(steps: [{ name: "a", handler: "" }])) }
      .to raise_error(TaskerCore::ValidationError, /steps\[0\]\.handler/)
    expect { tasker.register_template("nonsense") }.to raise_error(TaskerCore::ValidationError)
  end

  it "gives the process its own coordinator back" do
    before = TaskerCore.swap_coordinator(@outside)
    TaskerCore::RSpec::Session.during { expect(TaskerCore.coordinator).not_to equal(@outside) }

    expect(TaskerCore.coordinator).to equal(@outside)
  ensure
    TaskerCore.swap_coordinator(before)
  end

  it "lets nobody but tests erase" do
    native = @outside.instance_variable_get(:@native)
    expect { native.erase(["shop"]) }.to raise_error(TaskerCore::StateError, /Only tests/)
  end
end
