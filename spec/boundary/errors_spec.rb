# frozen_string_literal: true

require_relative "../support/workflows"

# Each class of error, provoked for real.
RSpec.describe "Errors at the boundary" do
  include Workflows

  before(:all) { @coordinator.register_template(name: "plain", version: "1.0.0", steps: [{ name: "a", handler: "none" }]) }

  def rows = TestDatabase.execute("SELECT count(*) AS n FROM tasker.tasks", url: @url).first["n"]

  # @return [Exception] what the block raises; it must be one of ours, and in order
  def error(error_class, kind)
    yield
    raise "nothing was raised"
  rescue TaskerCore::Error => e
    expect(e).to be_an_instance_of(error_class)
    expect(e).to be_a(kind)
    expect(e.reference).to match(/\A\h{6}-\d+\z/)
    expect(e.cause).to be_nil
    expect(e.backtrace.first).to start_with("#{__FILE__}:")
    expect(e.message).not_to match(/io\.taskercore|java\.(lang|util)|SELECT|password/i)
    e
  end

  describe "a task, step or template that is not there" do
    it "is a TaskNotFoundError for a task" do
      [-1, 0, 2**63 - 1, -2**63, 2**63, 2**200].each do |id|
        found = error(TaskerCore::TaskNotFoundError, ArgumentError) { coordinator.orchestrate_task(id) }
        expect(found.message).to eq("Task not found: #{id}")
        error(TaskerCore::TaskNotFoundError, ArgumentError) { coordinator.task_context(id) }
        error(TaskerCore::TaskNotFoundError, ArgumentError) { coordinator.explain(id) }
        error(TaskerCore::TaskNotFoundError, ArgumentError) { coordinator.cancel_task(id, reason: "r") }
        error(TaskerCore::TaskNotFoundError, ArgumentError) { coordinator.resolve_task(id, reason: "r") }
        error(TaskerCore::TaskNotFoundError, ArgumentError) { coordinator.handle_task(id) }
      end
    end

    it "is a StepNotFoundError for a step" do
      [-1, 2**100].each do |id|
        error(TaskerCore::StepNotFoundError, ArgumentError) { coordinator.retry_step(id) }
        error(TaskerCore::StepNotFoundError, ArgumentError) { coordinator.resolve_step(id, reason: "r") }
      end
    end

    it "is a TemplateNotFoundError for a template" do
      error(TaskerCore::TemplateNotFoundError, ArgumentError) { coordinator.initialize_task(task_name: "nowhere") }
      error(TaskerCore::TemplateNotFoundError, ArgumentError) { coordinator.initialize_task(task_name: "plain", version: "9.0.0") }
    end
  end

  describe "what the caller gave" do
    it "is a ValidationError that names the path, and leaves no row" do
      before = rows
      [
        [{ task_name: "plain", payload: { items: [1, { price: Object.new }] } }, "payload.items[1].price"],
        [{ task_name: "plain", payload: { at: Float::NAN } }, "payload.at"],
        [{ task_name: "plain", priority: "high" }, "priority"],
        [{ task_name: "plain", pryority: 1 }, "pryority"],
        [{}, "task_name"]
      ].each do |request, path|
        refused = error(TaskerCore::ValidationError, ArgumentError) { coordinator.initialize_task(request) }
        expect(refused.errors).to include(a_hash_including("path" => path))
      end
      expect(rows).to eq(before)
    end

    it "is named by its place among many, none of which is written" do
      before = rows
      requests = Array.new(20) { |i| { task_name: "plain", payload: { n: i == 17 ? 1i : i } } }

      refused = error(TaskerCore::ValidationError, ArgumentError) { coordinator.initialize_tasks(requests) }
      expect(refused.errors.first["path"]).to eq("[17].payload.n")
      refused = error(TaskerCore::ValidationError, ArgumentError) { coordinator.initialize_tasks([{ task_name: "plain" }, 5]) }
      expect(refused.errors.first["path"]).to eq("[1]")
      expect(rows).to eq(before)
    end

    it "is an IdempotencyConflictError for a key that was used with another payload" do
      request = { task_name: "plain", idempotency_key: "k", payload: { n: 1 } }
      coordinator.initialize_task(request)

      expect(coordinator.initialize_task(request)).to include("created" => false)
      conflict = error(TaskerCore::IdempotencyConflictError, ArgumentError) do
        coordinator.initialize_task(**request, payload: { n: 2 })
      end
      expect(conflict.errors.first["path"]).to eq("idempotency_key")
    end

    it "is a ConfigurationError where it can't work" do
      [{}, { database_url: "ftp://x/y" }, { database_url: @url, max_paralel_steps: 3 }, { database_url: @url, lease_ms: "long" },
       { database_url: @url, namespaces: [Object.new] }].each do |config|
        error(TaskerCore::ConfigurationError, ArgumentError) { TaskerCore.create_coordinator_with_config(config) }
      end
      typo = error(TaskerCore::ConfigurationError, ArgumentError) do
        TaskerCore.create_coordinator_with_config(database_url: @url, max_paralel_steps: 3)
      end
      expect(typo.message).to match(/max_paralel_steps.*max_parallel_steps/)
    end

    it "is a ConfigurationError that tells the way out where the schema is missing" do
      empty = TestDatabase.create
      missing = error(TaskerCore::ConfigurationError, ArgumentError) do
        TaskerCore.create_coordinator_with_config(database_url: empty)
      end

      expect(missing.message).to include("migrate!")
    end

    it "is an InvalidTypeError where it has the wrong Ruby type" do
      ["invalid", 1.5, nil, :a, [], {}, Object.new].each do |wrong|
        error(TaskerCore::InvalidTypeError, TypeError) { coordinator.orchestrate_task(wrong) }
        error(TaskerCore::InvalidTypeError, TypeError) { coordinator.task_context(wrong) }
        error(TaskerCore::InvalidTypeError, TypeError) { coordinator.explain(wrong) }
        error(TaskerCore::InvalidTypeError, TypeError) { coordinator.cancel_task(wrong, reason: "r") }
        error(TaskerCore::InvalidTypeError, TypeError) { coordinator.resolve_task(wrong, reason: "r") }
        error(TaskerCore::InvalidTypeError, TypeError) { coordinator.retry_step(wrong) }
        error(TaskerCore::InvalidTypeError, TypeError) { coordinator.resolve_step(wrong, reason: "r") }
      end
      ["text", 5, nil, []].each do |wrong|
        error(TaskerCore::InvalidTypeError, TypeError) { coordinator.initialize_task(wrong) }
        error(TaskerCore::InvalidTypeError, TypeError) { coordinator.list_tasks(wrong) }
        error(TaskerCore::InvalidTypeError, TypeError) { TaskerCore.create_coordinator_with_config(wrong) }
      end
      error(TaskerCore::InvalidTypeError, TypeError) { coordinator.initialize_tasks({}) }
      error(TaskerCore::InvalidTypeError, TypeError) { coordinator.initialize_task({ task_name: "plain" }, connection: 5) }
      error(TaskerCore::InvalidTypeError, TypeError) { coordinator.register_template(5) }
      error(TaskerCore::InvalidTypeError, TypeError) { coordinator.orchestrate_task(1, timeout_ms: "1") }
      error(TaskerCore::InvalidTypeError, TypeError) { coordinator.cancel_task(1, reason: nil) }
      error(TaskerCore::InvalidTypeError, TypeError) { coordinator.resolve_step(1, reason: "r", result: 5) }
      error(TaskerCore::InvalidTypeError, TypeError) { TaskerCore.create_coordinator(5) }
    end
  end

  describe "what happened" do
    it "is a StateError where the state machine refuses" do
      task_id = coordinator.initialize_task(task_name: "plain").task_id
      coordinator.cancel_task(task_id, reason: "r")

      error(TaskerCore::StateError, RuntimeError) { coordinator.cancel_task(task_id, reason: "r") }
    end

    it "is a DatabaseError with the server's code, and whether it may pass" do
      down = error(TaskerCore::DatabaseError, RuntimeError) { TaskerCore.create_coordinator("postgres://nobody@127.0.0.1:1/none") }

      expect(down.message).to start_with("Database error: ")
      expect(down).to have_attributes(sql_state: "08001", transient?: true)
      expect(log.string).to include("[#{down.reference}]", "refused")
    end

    it "is a ClosedError after close, which may be called again" do
      other = TaskerCore.create_coordinator_with_config(configuration)
      2.times { expect(other.close).to be_nil }

      expect(other).to be_closed
      error(TaskerCore::ClosedError, RuntimeError) { other.task_context(1) }
      error(TaskerCore::ClosedError, RuntimeError) { other.initialize_task(task_name: "plain") }
      error(TaskerCore::ClosedError, RuntimeError) { other.orchestrate_task(1) }
      error(TaskerCore::ClosedError, RuntimeError) { other.register_template({}) }
      expect(coordinator.list_tasks).to include("tasks")
    end

    it "is an InternalError for anything unforeseen, with the details in the log only" do
      odd = error(TaskerCore::InternalError, RuntimeError) { TaskerCore::Native.parse("{") }

      expect(odd.message).to match(/\AInternal orchestration error \(reference #{odd.reference}/)
      expect(log.string).to include("[#{odd.reference}]", "UnreadableJson")
    end
  end

  it "leave $! as it was" do
    begin
      coordinator.task_context(-1)
    rescue TaskerCore::Error
      nil
    end

    expect($!).to be_nil
  end

  it "have the library's logger raise in vain" do
    TaskerCore.logger = Class.new(Logger) { def add(*) = raise("broken") }.new(nil)

    error(TaskerCore::TaskNotFoundError, ArgumentError) { coordinator.task_context(-1) }
  end

  it "suggests the template that was meant" do
    [["billing", "invoice"], ["shop", "place_order"]].each do |namespace, name|
      coordinator.register_template(namespace: namespace, name: name, version: "1.0.0", steps: [{ name: "a", handler: "h" }])
    end
    said = lambda do |**request|
      coordinator.initialize_task(**request)
    rescue TaskerCore::TemplateNotFoundError => e
      e.message
    end

    expect(said.call(task_name: "invoice")).to eq("Template not found: invoice in namespace default; there is one in the namespace billing")
    expect(said.call(namespace: "shop", task_name: "place_oder")).to end_with("in namespace shop; did you mean place_order?")
    expect(said.call(namespace: "shop", task_name: "xyzzy")).to end_with("register it with register_template")
    expect(said.call(namespace: "shop", task_name: "place_order", version: "2.0.0")).to end_with("registered versions: 1.0.0")
  end

  it "suggests the key that was meant where other libraries have another" do
    { name: "task_name", input: "payload", key: "idempotency_key" }.each do |given, meant|
      expect { coordinator.initialize_task(given => "x") }
        .to raise_error(TaskerCore::ValidationError, /#{given}: is not a known key; did you mean #{meant}\?/)
    end
  end
end
