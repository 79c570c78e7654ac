# frozen_string_literal: true

require_relative "../support/workflows"

# What operators change and look at while everything runs.
RSpec.describe "A coordinator at run time" do
  include Workflows

  before { @gate = Queue.new }

  after do
    @gate.close
    @other&.close
  end

  def other(**settings) = @other ||= TaskerCore.create_coordinator_with_config(configuration.merge(settings))

  describe "reconfigure" do
    it "widens and narrows what runs at the same time" do
      inside = Queue.new
      other(max_parallel_steps: 1).register_handler("waits") { |_| (inside << true) && @gate.pop && nil }
      task_id = create_task(Array.new(6) { |i| { name: "s#{i}", handler: "waits" } }, on: other)
      running = Thread.new { other.orchestrate_task(task_id) }
      expect(eventually { inside.size == 1 }).to be(true)

      expect(other.reconfigure(max_parallel_steps: 4)).to include("max_parallel_steps" => 4)
      expect(eventually { inside.size == 4 }).to be(true)
      other.reconfigure({ "max_parallel_steps" => 2 })
      2.times { @gate << true }
      sleep 0.2
      expect(inside.size).to eq(4)
      @gate.close
      expect(running.value).to include("status" => "complete")
    end

    it "changes what new tasks and attempts are made with" do
      other.register_handler("sleeps") { |_| sleep 5 }
      other.reconfigure(step_timeout_ms: 50, retry_limits: { "sleeps" => 1 }, max_payload_bytes: 2_048)
      task_id = create_task([{ name: "a", handler: "sleeps" }], on: other)

      expect(other.orchestrate_task(task_id)).to include("status" => "error")
      expect(other.task_context(task_id)["steps"].first).to include("attempts" => 1, "max_attempts" => 1)
      expect { create_task([{ name: "a", handler: "sleeps" }], payload: { t: "x" * 3_000 }, on: other) }
        .to raise_error(TaskerCore::ValidationError, /2048 bytes/)
    end

    it "gives a key its default again with nil, and changes nothing without keys" do
      other(max_parallel_steps: 3)

      expect(other.reconfigure({})).to include("max_parallel_steps" => 3, "namespaces" => nil, "cancel_grace_ms" => 50)
      expect(other.reconfigure(max_parallel_steps: nil)).to include("max_parallel_steps" => 10)
    end

    it "tells all that can be changed" do
      changeable = TaskerCore::Configuration.keys.select { |key| key["reconfigurable"] }.map { |key| key["key"] }

      expect(other.reconfigure({}).keys).to match_array(changeable)
    end

    it "refuses by name what can't be changed, and then changes nothing" do
      fixed = TaskerCore::Configuration.keys.reject { |key| key["reconfigurable"] }.map { |key| key["key"] }
      expect(fixed).to include("database_url", "lease_ms")
      fixed.each do |key|
        expect { other.reconfigure(key => nil, "max_parallel_steps" => 7) }
          .to raise_error(TaskerCore::ConfigurationError, /#{key}: cannot be changed at run time/)
      end
      expect { other.reconfigure(max_paralel_steps: 7) }.to raise_error(TaskerCore::ConfigurationError, /did you mean max_parallel_steps/)
      expect { other.reconfigure(max_parallel_steps: Object.new) }.to raise_error(TaskerCore::ConfigurationError, /max_parallel_steps/)
      expect { other.reconfigure(5) }.to raise_error(TaskerCore::InvalidTypeError)
      expect(other.reconfigure({})).to include("max_parallel_steps" => 10)
    end
  end

  describe "health" do
    it "is ok, with the figures" do
      other.register_handler("plain") { |_| {} }
      other.orchestrate_task(create_task([{ name: "a", handler: "plain" }], on: other))
      other.start_worker

      health = other.health
      expect(health).to include("status" => "ok", "reasons" => [], "listener" => "connected", "workers" => be >= 1)
      expect(health["database"]).to include("reachable" => true, "read_only" => false, "latency_ms" => be_between(0, 500))
      expect(health.dig("database", "clock_ahead_ms")).to be_between(-500, 500)
      expect(health["pool"]).to include("max_size" => 20)
      expect(health["lease"]).to include("lease_ms" => 5_000)
      # A pool that is just growing has a thread that waits, so the figure is awaited.
      expect(eventually { other.health.dig("pool", "waiting").zero? }).to be(true)
    end

    it "knows of no lease and no listener where nobody needs one" do
      url = TestDatabase.create
      idle = TaskerCore.create_coordinator_with_config(database_url: url, auto_migrate: true)

      expect(idle.health).to include("status" => "ok", "lease" => nil, "listener" => nil, "workers" => 0)
    ensure
      idle&.close
    end

    it "is degraded while the pool is exhausted, and asks past it" do
      url = TestDatabase.create
      small = TaskerCore.create_coordinator_with_config(database_url: url, auto_migrate: true, database_pool_size: 1)
      TestDatabase.connect(url) do |connection|
        connection.auto_commit = false
        connection.create_statement.execute("LOCK TABLE tasker.templates")
        stuck = Array.new(2) { Thread.new { small.register_template(name: "t", version: "1.0.0", steps: [{ name: "a", handler: "h" }]) } }
        expect(eventually { small.health.dig("pool", "waiting").positive? }).to be(true)

        health = small.health
        expect(health).to include("status" => "degraded", "reasons" => [/\Aall 1 connections of the pool are in use; \d calls wait for one/])
        expect(health.dig("database", "reachable")).to be(true)
        connection.rollback
        stuck.each(&:join)
        expect(small.health.status).to eq("ok")
      end
    ensure
      small&.close
    end

    it "is down, and says so in time, when the database is gone" do
      url = TestDatabase.create
      doomed = TaskerCore.create_coordinator_with_config(database_url: url, auto_migrate: true, connection_timeout_ms: 250)
      doomed.start_worker
      TestDatabase.drop(url)
      started = now

      3.times { expect(doomed.health).to include("status" => "down") }
      expect(now - started).to be < 15
      expect(doomed.health["reasons"].first).to match(/Database error: |did not answer/)
      expect(doomed.health.dig("database", "reachable")).to be(false)
    ensure
      doomed&.close
    end

    it "is down when PostgreSQL takes no changes" do
      url = TestDatabase.create
      name = URI(url).path.delete_prefix("/")
      TaskerCore.migrate!(url)
      TestDatabase.execute("ALTER DATABASE #{name} SET default_transaction_read_only = on")
      standby = TaskerCore.create_coordinator_with_config(database_url: url)

      expect(standby.health).to include("status" => "down", "reasons" => ["PostgreSQL is read-only"])
    ensure
      standby&.close
    end

    it "is an error on a closed coordinator" do
      other.close

      expect { other.health }.to raise_error(TaskerCore::ClosedError)
      expect { other.reconfigure({}) }.to raise_error(TaskerCore::ClosedError)
    end
  end

  describe "retrying" do
    # A task with two steps that fail as long as they are told to.
    def failing_task(name = "retrying")
      @broken ||= true
      coordinator.register_handler("fails") { |_| raise TaskerCore::PermanentError, "broken" if @broken }
      coordinator.register_template(name: name, version: "1.0.0", steps: [
                                      { name: "a", handler: "fails" }, { name: "b", handler: "fails" }, { name: "c", handler: "fails", depends_on: %w[a b] }
                                    ])
      coordinator.initialize_task(task_name: name, tags: ["nightly"]).task_id.tap { |task_id| coordinator.orchestrate_task(task_id) }
    end

    it "takes all failed steps of a task" do
      task_id = failing_task
      @broken = false

      retried = coordinator.retry_task(task_id)

      expect(retried).to include("task_id" => task_id, "step_ids" => [task_id << 16, (task_id << 16) + 1])
      expect(coordinator.orchestrate_task(task_id).status).to eq("complete")
      expect { coordinator.retry_task(task_id) }.to raise_error(TaskerCore::StateError, /Task #{task_id} is complete and cannot be retried/)
      expect { coordinator.retry_task(999) }.to raise_error(TaskerCore::TaskNotFoundError)
    end

    it "takes all tasks in error that match" do
      others = failing_task("others")
      tasks = Array.new(3) { failing_task }
      @broken = false

      expect(coordinator.retry_tasks(name: "retrying", tag: "nightly")).to include("tasks" => 3, "steps" => 6)
      tasks.each { |task_id| expect(coordinator.orchestrate_task(task_id).status).to eq("complete") }
      expect(coordinator.task_context(others).status).to eq("error")
      expect(coordinator.retry_tasks(name: "retrying")).to include("tasks" => 0, "steps" => 0)
      expect { coordinator.retry_tasks(status: "error") }.to raise_error(TaskerCore::ValidationError, /status/)
    end

    it "knows a step by its task and its name" do
      task_id = failing_task

      expect(coordinator.retry_step(task_id: task_id, step: "a")).to include("step_id" => task_id << 16, "state" => "enqueued")
      expect(coordinator.resolve_step(task_id: task_id, step: :b, reason: "by hand")).to include("step_id" => (task_id << 16) + 1)
      expect { coordinator.retry_step(task_id: task_id, step: "d") }
        .to raise_error(TaskerCore::StepNotFoundError, /task #{task_id} has no step d; .*its steps are a, b, c/)
      expect { coordinator.retry_step(task_id: 999, step: "a") }.to raise_error(TaskerCore::TaskNotFoundError)
      expect { coordinator.retry_step(5, task_id: task_id, step: "a") }.to raise_error(TaskerCore::InvalidTypeError, /step_id must be nil/)
      expect { coordinator.retry_step(task_id: task_id) }.to raise_error(TaskerCore::InvalidTypeError, /step must be/)
    end
  end

  it "handles a task for so long at most" do
    let_go = Queue.new
    coordinator.register_handler("slow") { |_| let_go.pop && nil }
    coordinator.register_template(name: "slow", version: "1.0.0", steps: [{ name: "a", handler: "slow" }])

    run = coordinator.handle_task(task_name: "slow", timeout_ms: 50)

    expect(run).to include("status" => "in_progress", "created" => true)
    let_go << true
    expect(coordinator.handle_task(run.task_id, timeout_ms: 20_000).status).to eq("complete")
  end
end
