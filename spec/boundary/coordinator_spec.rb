# frozen_string_literal: true

require "pathname"
require "timeout"
require "tmpdir"
require_relative "../support/other_jruby"
require_relative "../support/workflows"

RSpec.describe TaskerCore::Coordinator do
  include Workflows

  before(:all) do
    @coordinator.register_handler("double") { |context| { "n" => context.payload["n"] * 2 } }
    @coordinator.register_template(namespace: "shop", name: "order", version: "1.0.0", steps: [{ name: "a", handler: "double" }])
  end

  let(:request) { { namespace: "shop", task_name: "order", payload: { n: 21 } } }

  def count = TestDatabase.execute("SELECT count(*) AS n FROM tasker.tasks", url: @url).first["n"]

  it "takes a request with braces or without, with Strings or Symbols" do
    requests = [coordinator.initialize_task(request), coordinator.initialize_task(**request),
                coordinator.initialize_task(request.transform_keys(&:to_s)),
                coordinator.initialize_task({ "namespace" => "shop" }, task_name: "order", payload: { n: 1 })]

    expect(requests).to all(include("step_count" => 1, "status" => "pending", "errors" => [], "created" => true))
    expect(requests.map(&:task_id).uniq.size).to eq(4)
  end

  it "handles a request, or a task that is there, in one call" do
    task_id = coordinator.initialize_task(request).task_id

    expect(coordinator.handle_task(**request)).to include("status" => "complete", "created" => true, "steps_executed" => 1)
    expect(coordinator.handle_task(request)).to include("status" => "complete", "created" => true)
    expect(coordinator.handle_task(task_id)).to include("task_id" => task_id, "status" => "complete", "created" => false)
    expect(coordinator.handle_task(task_id)).to include("status" => "complete", "steps_executed" => 0)
  end

  it "refuses what belongs to a request beside the id of a task" do
    task_id = coordinator.initialize_task(request).task_id

    [{ payload: {} }, { foo: 1 }].each do |keys|
      expect { coordinator.handle_task(task_id, **keys) }
        .to raise_error(TaskerCore::InvalidTypeError, /\Arequest_or_id must be a Hash, where keys of a request are given/)
    end
    [Object.new, false].each do |connection|
      expect { coordinator.handle_task(task_id, connection: connection) }.to raise_error(TaskerCore::InvalidTypeError, /\Aconnection/)
    end
    expect(coordinator.task_context(task_id).status).to eq("pending")
  end

  it "creates many tasks in the order given" do
    created = coordinator.initialize_tasks(Array.new(50) { |i| request.merge(payload: { n: i }) })

    expect(created).to all(be_a(TaskerCore::Result))
    expect(created.map { |task| coordinator.task_context(task.task_id).payload["n"] }).to eq((0...50).to_a)
    expect(coordinator.initialize_tasks([])).to eq([])
  end

  it "registers a template from a Hash, YAML text or a file, again without a change" do
    yaml = "name: again\nversion: 2.0.0\nsteps: [{ name: a, handler: double }]\n"
    file = Pathname(@url.hash.abs.to_s).then { |name| Pathname(Dir.tmpdir) + "#{name}.yml" }.tap { |path| path.write(yaml) }
    hash = { "name" => "again", :version => "2.0.0", "steps" => [{ name: :a, handler: "double" }] }
    results = [yaml, file, hash].map { |template| coordinator.register_template(template) }

    expect(results.uniq.size).to eq(1)
    expect(results.first).to include("namespace" => "default", "name" => "again", "version" => "2.0.0", "step_count" => 1)
  ensure
    file&.delete
  end

  it "creates tasks in the transaction of a given connection" do
    before = count
    TestDatabase.connect(@url) do |connection|
      connection.auto_commit = false
      coordinator.initialize_task(request, connection: connection)
      coordinator.initialize_tasks([request, request], connection: connection)
      expect(count).to eq(before)
      connection.rollback
      expect(count).to eq(before)

      created = coordinator.initialize_task(**request, connection: connection)
      connection.commit
      expect(coordinator.orchestrate_task(created.task_id)).to include("status" => "complete")
    end
  end

  it "gives back what was written, whole" do
    payload = { "n" => 6**64, "f" => 1.0e20, "t" => "Grüße \u2028 😀 \"\\\n", "nested" => [[{ "a" => nil }]], "empty" => {} }
    task_id = coordinator.initialize_task(request.merge(payload: payload)).task_id
    coordinator.orchestrate_task(task_id)

    expect(coordinator.task_context(task_id).payload).to eql(payload)
    expect(coordinator.task_context(task_id)["steps"].first["result"]).to eql("n" => 2 * 6**64)
  end

  it "keeps a payload of 100 levels and one of exactly the allowed size" do
    deep = 99.times.reduce(1) { |inner, _| [inner] }
    task_id = coordinator.initialize_task(request.merge(payload: { "deep" => deep })).task_id
    expect(coordinator.task_context(task_id).payload["deep"]).to eq(deep)

    largest = { "t" => "x" * (1_048_576 - 8) }
    expect(coordinator.initialize_task(request.merge(payload: largest))).to include("created" => true)
    expect { coordinator.initialize_task(request.merge(payload: { "t" => "#{largest['t']}x" })) }
      .to raise_error(TaskerCore::ValidationError, /\Apayload: .*1048576 bytes/)
  end

  it "registers no handler once it is closed" do
    handlers = TaskerCore::HandlerRegistry.new
    closed = described_class.new(configuration, handlers: handlers).tap(&:close)

    expect { closed.register_handler("late") { |_| {} } }.to raise_error(TaskerCore::ClosedError) do |error|
      expect(error.backtrace.first).to start_with("#{__FILE__}:")
    end
    expect(handlers.find("late")).to be_nil
  end

  it "says what it is" do
    expect(coordinator.inspect).to eq("#<TaskerCore::Coordinator open>")
  end

  describe "that is being closed while a handler runs" do
    # A step whose handler runs on a worker of the coordinator's until it is told to end.
    def run_until_told(on, gate)
      began = Queue.new
      on.register_handler("lingers") { |_| began << 1 and gate.pop and {} }
      on.start_worker
      create_task([{ name: "a", handler: "lingers" }]).tap { began.pop }
    end

    it "is closed to the end for whoever closes it meanwhile, though the first one has not waited for it" do
      other = described_class.new(configuration)
      gate = Queue.new
      task_id = run_until_told(other, gate)
      expect { Timeout.timeout(0.2) { other.close } }.to raise_error(Timeout::Error)
      second = Thread.new { other.close }

      expect(second.join(0.3)).to be_nil
      expect(other).to be_closed
      gate << 1
      expect(second.join(20)).to be(second)
      expect(coordinator.task_context(task_id).status).to eq("complete")
    ensure
      gate&.close
    end

    it "takes no handler more" do
      other = described_class.new(configuration).tap(&:close)

      expect { other.register_handler("late") { |_| {} } }.to raise_error(TaskerCore::ClosedError)
    end

    it "has the process wait for it" do
      task_id = create_task([{ name: "a", handler: "lingers" }])
      script = <<~RUBY
        require "tasker_core"
        require "timeout"
        coordinator = TaskerCore.create_coordinator_with_config(database_url: ENV.fetch("DATABASE_URL"), poll_interval_ms: 50)
        began = Queue.new
        coordinator.register_handler("lingers") { |_| began << 1 and sleep(3) and {} }
        coordinator.start_worker
        began.pop
        begin
          Timeout.timeout(0.2) { coordinator.close }
        rescue Timeout::Error
          exit
        end
      RUBY
      Process.wait(OtherJRuby.spawn("-e", script, env: { "DATABASE_URL" => @url }))

      expect(coordinator.task_context(task_id).status).to eq("complete")
    end
  end

  it "takes what it has returned wherever it takes a Hash" do
    wanted = TaskerCore::Result.new(request.transform_keys(&:to_s))

    expect(coordinator.initialize_tasks([wanted, request]).map(&:step_count)).to eq([1, 1])
    step = run_step { |_| raise TaskerCore::PermanentError, "no" }
    coordinator.resolve_step(step["step_id"], reason: "by hand", result: TaskerCore::Result.new("n" => 7))
    expect(coordinator.task_context(step["step_id"] >> 16)["steps"].first).to include("result" => { "n" => 7 })
    expect(coordinator.publish_event(name: "some.event", data: TaskerCore::Result.new("n" => 7)).data).to eq("n" => 7)
  end

  it "keeps a reason as it was given" do
    task_id = coordinator.initialize_task(request).task_id
    coordinator.cancel_task(task_id, reason: :"überfällig")

    expect(TestDatabase.execute("SELECT DISTINCT reason FROM tasker.transitions WHERE task_id = #{task_id} AND to_state = 'cancelled'", url: @url))
      .to eq([{ "reason" => "überfällig" }])
  end

  describe "the process's own" do
    around do |example|
      was = ENV.to_h.slice("DATABASE_URL", "TASKER_DATABASE_URL")
      ENV.update("DATABASE_URL" => @url, "TASKER_DATABASE_URL" => nil)
      example.run
    ensure
      TaskerCore.close
      ENV.update({ "DATABASE_URL" => nil }.merge(was))
    end

    it "is made on first use, and has its methods on the module" do
      TaskerCore.register_handler("double") { |context| { "n" => context.payload["n"] * 2 } }

      expect(TaskerCore.handle_task(**request)).to include("status" => "complete")
      expect(TaskerCore.coordinator).to equal(TaskerCore.coordinator)
    end

    it "is given keywords and blocks as they are" do
      heard = Queue.new
      subscription = TaskerCore.subscribe("order.*") { |event| heard << event.name }
      TaskerCore.publish_event({ name: "order.told" })

      expect(heard.pop).to eq("order.told")
      expect(TaskerCore.list_tasks({ limit: 1 }, namespace: "nowhere").tasks).to eq([])
    ensure
      TaskerCore.unsubscribe(subscription)
    end

    it "has errors begin at the line of whoever calls the module" do
      expect { TaskerCore.task_context("x") }.to raise_error(TaskerCore::InvalidTypeError) do |error|
        expect(error.backtrace.first).to start_with("#{__FILE__}:")
      end
    end

    it "is closed until it is made, and asking makes none" do
      expect([TaskerCore.closed?, TaskerCore.closed?]).to eq([true, true])
      TaskerCore.coordinator
      expect(TaskerCore).not_to be_closed
      TaskerCore.close
      expect(TaskerCore).to be_closed
    end

    it "is made anew after it was closed" do
      first = TaskerCore.coordinator
      TaskerCore.close

      expect(first).to be_closed
      expect(TaskerCore.coordinator).not_to equal(first)
    end
  end

  it "migrates from many threads at once, and again" do
    url = TestDatabase.create
    Array.new(4) { Thread.new { TaskerCore.migrate!(url) } }.each(&:value)

    expect(TaskerCore.migrate!(url)).to be_nil
    TaskerCore.create_coordinator_with_config(database_url: url).close
  end
end
