# frozen_string_literal: true

require "timeout"
require "weakref"
require_relative "../support/workflows"

RSpec.describe TaskerCore::Worker do
  include Workflows

  # Handlers that wait are let go at the end of the example.
  before { @gate = Queue.new }

  after do
    @gate.close
    @others&.each(&:close)
  end

  # A coordinator of the example's own, so that its workers are gone afterwards.
  def other(**settings)
    TaskerCore.create_coordinator_with_config(configuration.merge(poll_interval_ms: 50, **settings)).tap { |made| (@others ||= []) << made }
  end

  def status(task_id) = coordinator.task_context(task_id).status

  def state(task_id) = coordinator.task_context(task_id)["steps"].first["state"]

  def completed?(*task_ids) = eventually { task_ids.all? { |task_id| status(task_id) == "complete" } }

  # Whether its first handler runs. The step's state does not tell: what was claimed and not begun is given back by quiet and stop.
  def began?(worker) = eventually { worker.stats["executed"] == 1 }

  # A handler name of this example, which waits until it is told.
  def waiting_handler(on)
    on.register_handler("waits_#{Workflows.next_number}") { |_| @gate.pop && nil }
  end

  def supervisors = Thread.list.select { |thread| thread.name == "tasker-supervisor" && thread.alive? }

  it "runs whole workflows of others, children and retries included" do
    working = other
    worker = working.start_worker
    working.register_handler("first") { |context| context.retry? ? { "n" => 1 } : raise("once more") }
    working.register_handler("second") { |context| { "n" => context.result_of("a")["n"] + 1 } }
    tasks = Array.new(20) do
      create_task([{ name: "a", handler: "first", retry: { base_ms: 1 } }, { name: "b", handler: "second", depends_on: ["a"] }])
    end

    expect(completed?(*tasks)).to be(true)
    expect(coordinator.task_context(tasks.last)["steps"].last["result"]).to eq("n" => 2)
    expect(worker.stats).to include("state" => "running", "executed" => 60)
    expect(worker.stats.claimed).to be_between(40, 60)
    expect(worker.stop).to be(true)
  end

  it "needs no register_template, and finds handlers by their constants" do
    stub_const("WorkerSpec::Ship", Class.new { def call(_) = { "shipped" => true } })
    worker = other.start_worker
    task_id = create_task([{ name: "a", handler: "WorkerSpec::Ship" }])

    expect(completed?(task_id)).to be(true)
    expect(worker.stop).to be(true)
  end

  describe "where code does not load because of an error of Java's" do
    # A module whose constants are found by the block, as an autoloader finds them.
    def code(name, &block) = stub_const(name, Module.new { define_singleton_method(:const_missing, &block) })

    it "finds the other handlers" do
      code("WorkerSpecA") { |_| raise java.lang.NoClassDefFoundError.new("gone") }
      code("WorkerSpecZ") { |_| raise java.lang.NoClassDefFoundError.new("gone") }
      stub_const("WorkerSpecM", Class.new { def call(_) = {} })
      other.start_worker
      %w[WorkerSpecA::Handler WorkerSpecZ::Handler].each { |name| create_task([{ name: "a", handler: name }]) }

      expect(completed?(create_task([{ name: "a", handler: "WorkerSpecM" }]))).to be(true)
      expect(log.string).to match(/no handler WorkerSpec[AZ]::Handler: .*NoClassDefFoundError: gone/)
    end

    it "gives the step back, and looks for the handler again after a while only" do
      lookups = Queue.new
      loads = true
      handler = Class.new { def call(_) = {} }
      code("WorkerSpecCode") { |_| (lookups << 1) && loads ? handler : raise(java.lang.NoClassDefFoundError.new("gone")) }
      other.start_worker
      expect(completed?(create_task([{ name: "a", handler: "WorkerSpecCode::Handler" }]))).to be(true)
      loads = false
      lookups.clear
      task_id = create_task([{ name: "a", handler: "WorkerSpecCode::Handler" }])

      expect(eventually { !lookups.empty? }).to be(true)
      sleep 0.5
      expect(lookups.size).to be <= 3
      expect(state(task_id)).to eq("enqueued")
    end
  end

  it "takes up a handler at once when it is registered" do
    working = other(poll_interval_ms: 60_000)
    working.start_worker
    task_id = create_task([{ name: "a", handler: "comes later" }])
    sleep 0.3
    expect(state(task_id)).to eq("enqueued")

    working.register_handler("comes later") { |_| {} }
    expect(eventually { status(task_id) == "complete" }).to be(true)
  end

  it "hears at once of tasks that this process or another connection makes" do
    working = other(poll_interval_ms: 60_000)
    working.register_handler("prompt") { |_| {} }
    working.start_worker
    expect(completed?(create_task([{ name: "a", handler: "prompt" }], on: working))).to be(true)

    name = coordinator.task_context(create_task([{ name: "a", handler: "prompt" }], on: working))["name"]
    TestDatabase.connect(@url) do |connection|
      connection.auto_commit = false
      task_id = coordinator.initialize_task(task_name: name, connection: connection).task_id
      sleep 0.2
      connection.commit
      expect(eventually { status(task_id) == "complete" }).to be(true)
    end
  end

  it "works on its own namespaces, or else the coordinator's" do
    working = other
    working.register_handler("anywhere") { |_| {} }
    steps = [{ name: "a", handler: "anywhere" }]
    here, there = %w[here there].map do |namespace|
      working.register_template(namespace: namespace, name: "spaced", version: "1.0.0", steps: steps)
      working.initialize_task(namespace: namespace, task_name: "spaced").task_id
    end
    worker = working.start_worker(namespaces: ["here"])

    expect(completed?(here)).to be(true)
    expect(state(there)).to eq("enqueued")
    worker.stop
    working.reconfigure(namespaces: ["there"])
    working.start_worker
    expect(completed?(there)).to be(true)
  end

  it "refuses options that it doesn't know, or that won't do" do
    expect { coordinator.start_worker(namespace: "a") }
      .to raise_error(TaskerCore::ValidationError, "namespace: is not a known key; did you mean namespaces?")
    expect { coordinator.start_worker(threads: 5) }.to raise_error(TaskerCore::ValidationError, /threads: is not a known key; .*max_parallel_steps/)
    expect { coordinator.start_worker({ namespaces: [] }) }.to raise_error(TaskerCore::ValidationError, /at least one/)
    expect { coordinator.start_worker(namespaces: [1, ""]) }.to raise_error(TaskerCore::ValidationError, /namespaces\[0\].*namespaces\[1\]/)
    expect { coordinator.start_worker("all") }.to raise_error(TaskerCore::InvalidTypeError)
  end

  describe "stop" do
    it "lets handlers that run come to their end, and gives back what has not begun" do
      working = other(max_parallel_steps: 1)
      worker = working.start_worker
      name = waiting_handler(working)
      running, *waiting = Array.new(4) { create_task([{ name: "a", handler: name }]) }
      expect(eventually { worker.stats["executed"] == 1 }).to be(true)
      stopping = Thread.new { worker.stop(timeout_ms: 10_000) }

      expect(eventually { waiting.all? { |task_id| state(task_id) == "enqueued" } }).to be(true)
      expect(worker.running?).to be(false)
      expect(worker.stats).to include("state" => "stopping")
      @gate << true
      expect(stopping.value).to be(true)
      expect(worker.stats).to include("state" => "stopped", "executed" => 1, "running" => 0)
      expect([running, *waiting].map { |task_id| coordinator.task_context(task_id)["steps"].first["attempts"] }).to eq([1, 0, 0, 0])
    end

    it "interrupts what still runs when the time is up, and gives it back" do
      working = other
      worker = working.start_worker
      cleaned = Queue.new
      working.register_handler("stubborn") do |_|
        sleep 30
      ensure
        cleaned << true
      end
      task_id = create_task([{ name: "a", handler: "stubborn" }])
      expect(began?(worker)).to be(true)

      expect(worker.stop(timeout_ms: 100)).to be(false)
      expect(eventually { !cleaned.empty? && state(task_id) == "enqueued" }).to be(true)
      expect(worker.stop).to be(true)
    end

    it "may be called again with less patience" do
      working = other
      worker = working.start_worker
      task_id = create_task([{ name: "a", handler: waiting_handler(working) }])
      expect(began?(worker)).to be(true)
      patient = Thread.new { worker.stop(timeout_ms: 60_000) }
      expect(eventually { !worker.running? }).to be(true)

      expect(worker.stop(timeout_ms: 0)).to be(false)
      expect(patient.join(20)).to eq(patient)
    end

    it "refuses what is no time" do
      worker = other.start_worker

      expect { worker.stop(timeout_ms: "soon") }.to raise_error(TaskerCore::InvalidTypeError, /timeout_ms/)
      expect { worker.wait(timeout_ms: -1) }.to raise_error(TaskerCore::ValidationError, /timeout_ms/)
      expect(worker).to be_running
    end
  end

  it "takes no more once it is quiet, and finishes what it has" do
    working = other
    worker = working.start_worker
    name = waiting_handler(working)
    task_id = create_task([{ name: "a", handler: name }])
    expect(began?(worker)).to be(true)
    expect(worker.quiet).to equal(worker)
    later = create_task([{ name: "a", handler: name }])
    2.times { @gate << true }

    expect(completed?(task_id)).to be(true)
    sleep 0.2
    expect(state(later)).to eq("enqueued")
    expect(worker).to be_running
    expect(worker.inspect).to eq("#<TaskerCore::Worker quiet>")
  end

  describe "wait" do
    it "lasts until the worker has stopped, or the time is up" do
      worker = other.start_worker
      waiting = Thread.new { worker.wait }

      expect(worker.wait(timeout_ms: 50)).to be(false)
      worker.stop
      expect(waiting.value).to be(true)
      expect(worker.wait).to be(true)
    end

    it "is interrupted by Timeout, Thread#raise and Thread#kill" do
      worker = other.start_worker
      started = now
      expect { Timeout.timeout(0.2) { worker.wait } }.to raise_error(Timeout::Error)
      raised = Thread.new { worker.wait }.tap { |thread| thread.report_on_exception = false }
      expect(eventually { raised.status == "sleep" }).to be(true)
      raised.raise(ArgumentError, "enough")
      expect { raised.join(20) || raise("still there") }.to raise_error(ArgumentError, "enough")
      killed = Thread.new { worker.wait }
      expect(eventually { killed.status == "sleep" }).to be(true)
      killed.kill

      expect(killed.join(20)).to eq(killed)
      expect(now - started).to be < 15
      expect(worker).to be_running
    end
  end

  it "ends with its coordinator, whose close waits for it" do
    working = other
    worker = working.start_worker
    task_id = create_task([{ name: "a", handler: waiting_handler(working) }])
    expect(began?(worker)).to be(true)
    closing = Thread.new { working.close }
    expect(eventually { !worker.running? }).to be(true)
    @gate << true
    closing.join

    expect(status(task_id)).to eq("complete")
    expect(worker.wait).to be(true)
    expect(worker.stop).to be(true)
    expect(worker.stats["state"]).to eq("stopped")
    expect { working.start_worker }.to raise_error(TaskerCore::ClosedError)
  end

  it "shares the work with other workers, of this coordinator and of others" do
    seen = Queue.new
    workings = Array.new(2) { other }
    workers = workings.flat_map { |working| [working.start_worker, working.start_worker] }
    workings.each_with_index { |working, i| working.register_handler("shared") { |_| (seen << i) && sleep(0.01) && nil } }
    tasks = Array.new(100) { create_task_of_shared }

    expect(completed?(*tasks)).to be(true)
    expect(workers.sum { |worker| worker.stats["executed"] }).to eq(100)
    expect(Array.new(seen.size) { seen.pop }.uniq.sort).to eq([0, 1])
    expect(workers.map(&:stop)).to all(be(true))
  end

  def create_task_of_shared
    @shared ||= coordinator.register_template(name: "shared", version: "1.0.0", steps: [{ name: "a", handler: "shared" }])
    coordinator.initialize_task(task_name: "shared").task_id
  end

  it "goes on when nobody refers to it or to its coordinator, and both can go once it has stopped" do
    reference = start_and_forget
    3.times { java.lang.System.gc || sleep(0.05) }
    task_id = create_task([{ name: "a", handler: "forgotten" }])

    expect(completed?(task_id)).to be(true)
    stop_forgotten
    expect(eventually(20) { java.lang.System.gc || !reference.weakref_alive? }).to be(true)
    3.times { java.lang.System.gc || sleep(0.1) } # so that it is closed before its database goes
  end

  def start_and_forget
    working = TaskerCore.create_coordinator_with_config(configuration.merge(poll_interval_ms: 50))
    working.register_handler("forgotten") { |_| {} }
    worker = working.start_worker
    working.register_handler("stop forgotten") { |_| worker.quiet && Thread.new { worker.stop } && nil }
    WeakRef.new(working)
  end

  def stop_forgotten
    create_task([{ name: "a", handler: "stop forgotten" }])
    expect(eventually { supervisors.empty? }).to be(true)
  end

  it "survives the death of its supervisor" do
    working = other
    working.start_worker
    supervisors.each(&:kill).each(&:join)
    supervisors.each { |thread| thread.raise("astray") }
    working.register_handler("after all") { |_| {} }

    expect(completed?(create_task([{ name: "a", handler: "after all" }]))).to be(true)
    expect(supervisors.size).to eq(1)
  end

  it "leaves no thread behind" do
    working = other
    working.register_handler("brief") { |_| {} }
    worker = working.start_worker
    expect(completed?(create_task([{ name: "a", handler: "brief" }]))).to be(true)
    worker.stop

    expect(eventually { supervisors.empty? }).to be(true)
    expect(eventually { handler_threads.empty? }).to be(true)
  end
end
