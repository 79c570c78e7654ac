# frozen_string_literal: true

require_relative "../support/workflows"

# Whatever a handler does to its thread, its worker or its coordinator, it ends as a recorded outcome, and the worker lives on.
RSpec.shared_examples "unruly handlers" do
  # One at a time: what does not give its place back is seen at once.
  before do
    @working = other
    @worker = @working.start_worker
    @working.register_handler("well-behaved") { |_| { "n" => 1 } }
  end

  after { @working.close }

  attr_reader :working, :worker

  def other(**settings)
    TaskerCore.create_coordinator_with_config(configuration.merge(max_parallel_steps: 1, poll_interval_ms: 50, **settings))
  end

  def step_of(task_id) = coordinator.task_context(task_id)["steps"].first

  # Runs the block as a handler of the worker's, and returns its step when it has ended.
  def outcome_of(timeout_ms: 30_000, &handler)
    name = working.register_handler("unruly_#{Workflows.next_number}", handler)
    task_id = create_task([{ name: "a", handler: name, timeout_ms: timeout_ms, retry: { max_attempts: 1 } }])
    expect(eventually(60) { %w[complete error].include?(step_of(task_id)["state"]) }).to be(true)
    step_of(task_id)
  end

  def well_behaved = create_task([{ name: "a", handler: "well-behaved" }])

  def lives_on? = eventually { step_of(@probe ||= well_behaved)["state"] == "complete" }

  {
    "exits" => [-> { exit(3) }, "SystemExit"],
    "aborts" => [-> { raise SystemExit.new(1, "aborted") }, "SystemExit"],
    "throws what nobody catches" => [-> { throw :nobody }, "UncaughtThrowError"],
    "throws what nobody catches from a fiber" => [-> { Fiber.new { throw :nobody }.resume }, "UncaughtThrowError"],
    "raises a Java exception" => [-> { raise java.lang.IllegalStateException.new("java") }, "Java::JavaLang::IllegalStateException"],
    "raises a checked Java exception" => [-> { raise java.io.IOException.new("java") }, "Java::JavaIo::IOException"],
    "raises a java.lang.Error" => [-> { raise java.lang.AssertionError.new("java") }, "Java::JavaLang::AssertionError"],
    "raises an InterruptedException" => [-> { raise java.lang.InterruptedException.new("java") }, "Java::JavaLang::InterruptedException"],
    "raises an OutOfMemoryError" => [-> { raise java.lang.OutOfMemoryError.new("java") }, "NoMemoryError"],
    "raises a LinkageError" => [-> { raise java.lang.NoClassDefFoundError.new("gone") }, "Java::JavaLang::NoClassDefFoundError"],
    "recurses without end" => [-> { (again = ->(n) { again.(n + 1) + 1 }).(0) }, "SystemStackError"],
    "recurses without end in a fiber" => [-> { Fiber.new { (again = ->(n) { again.(n + 1) + 1 }).(0) }.resume }, "SystemStackError"],
    "is out of memory" => [-> { raise NoMemoryError }, "NoMemoryError"],
    "is interrupted" => [-> { raise Interrupt }, "Interrupt"],
    "gets a signal" => [-> { raise SignalException, "TERM" }, "SignalException"],
    "raises an Exception" => [-> { raise Exception, "plain" }, "Exception"],
    "ends its thread" => [-> { Thread.exit }, "ThreadKill"],
    "kills its thread" => [-> { Thread.current.kill }, "ThreadKill"],
    "kills its thread in an ensure" => [-> { begin raise("a") ensure Thread.current.kill end }, "ThreadKill"],
    "kills its thread from another one" => [-> { Thread.new(Thread.current, &:kill).join && sleep(30) }, "ThreadKill"],
    "raises into its own thread" => [-> { Thread.current.raise(IOError, "self") }, "IOError"],
    "leaves by a fiber's switch" => [-> { Fiber.yield }, "FiberError"],
    "raises in a fiber" => [-> { Fiber.new { raise "inside" }.resume }, "RuntimeError"],
    "resumes a dead fiber" => [-> { Fiber.new {}.tap(&:resume).resume }, /FiberError/],
    "raises what is no exception" => [-> { raise 5 }, "TypeError"]
  }.each do |name, (body, error_class)|
    it "are recorded when one #{name}" do
      step = outcome_of { |_| body.call }

      expect(step["state"]).to eq("error")
      expect(step["error"]).to include("class" => error_class, "retryable" => true)
      expect(lives_on?).to be(true)
    end
  end

  {
    "returns from inside a fiber" => -> { Fiber.new { { "n" => 1 } }.resume },
    "leaves a fiber half-way" => -> { Fiber.new { Fiber.yield({ "n" => 1 }) && 2 }.resume },
    "leaves a thread behind" => -> { Thread.new { sleep 0.5 } && { "n" => 1 } },
    "swallows an interrupt of its own" => -> { (Thread.current.raise("self") rescue nil) || { "n" => 1 } }, # rubocop:disable Style/RescueModifier
    "sets its thread's priority, name and locals" => -> { (Thread.current[:a] = 1) && (Thread.current.priority = -1) && { "n" => 1 } },
    "masks interrupts" => -> { Thread.handle_interrupt(Exception => :never) { { "n" => 1 } } }
  }.each do |name, body|
    it "complete when one #{name}" do
      expect(outcome_of { |_| body.call }).to include("state" => "complete", "result" => { "n" => 1 })
      expect(lives_on?).to be(true)
    end
  end

  describe "that time out" do
    {
      "in a fiber" => -> { Fiber.new { sleep 60 }.resume },
      "in a child thread that they wait for" => -> { Thread.new { sleep 60 }.join },
      "in another fiber's wait for a task" => ->(spec) { Fiber.new { spec.working.orchestrate_task(spec.stuck_task) }.resume }
    }.each do |name, body|
      it "are interrupted #{name}" do
        step = outcome_of(timeout_ms: 200) { |_| body.arity.zero? ? body.call : body.call(self) }

        expect(step["error"]).to include("error_code" => "timeout")
        expect(lives_on?).to be(true)
      end
    end
  end

  # Nobody has its handler's time yet.
  def stuck_task
    working.register_template(name: "stuck", version: "1.0.0", steps: [{ name: "a", handler: "well-behaved" }])
    working.initialize_task(task_name: "stuck", run_at: Time.now + 3600).task_id
  end

  describe "that orchestrate another task" do
    {
      "themselves" => ->(run) { run.call },
      "in a fiber" => ->(run) { Fiber.new { run.call }.resume },
      "in a fiber of a fiber" => ->(run) { Fiber.new { Fiber.new { run.call }.resume }.resume },
      "in an enumerator" => ->(run) { Enumerator.new { |to| to << run.call }.next },
      "in a child thread" => ->(run) { Thread.new { run.call }.value },
      "in many child threads" => ->(run) { Array.new(3) { Thread.new { run.call } }.map(&:value).uniq.first }
    }.each do |name, how|
      it "lend their place, #{name}" do
        step = outcome_of { |_| how.call(-> { working.orchestrate_task(well_behaved).to_h.slice("status") }) }

        expect(step).to include("state" => "complete", "result" => { "status" => "complete" })
        expect(lives_on?).to be(true)
        expect(eventually { worker.stats["running"].zero? }).to be(true)
      end
    end

    # Its place would otherwise be given back twice, and two handlers run where one may.
    it "leave a thread behind that goes on waiting" do
      task_id = stuck_task
      thread = nil
      outcome_of { |_| (thread = Thread.new { working.orchestrate_task(task_id) }) && eventually { thread.stop? } && nil }
      expect(lives_on?).to be(true)
      expect(eventually { worker.stats["running"].zero? }).to be(true)
      thread.kill.join

      expect(worker.stats["running"]).to eq(0)
    end
  end

  describe "that end what they run in" do
    it "stop their own worker without waiting for themselves" do
      answer = nil
      step = outcome_of { |_| (answer = worker.stop(timeout_ms: 60_000)).nil? || { "answered" => answer } }

      expect(step).to include("state" => "complete", "result" => { "answered" => false })
      expect(worker.wait(timeout_ms: 20_000)).to be(true)
      expect(worker.stats["state"]).to eq("stopped")
    end

    it "close their own coordinator without waiting for themselves" do
      step = outcome_of { |_| working.close.nil? && { "closed" => working.closed? } }

      expect(step).to include("state" => "complete", "result" => { "closed" => true })
      expect(worker.wait(timeout_ms: 20_000)).to be(true)
    end

    it "stop and close them from a fiber and from a child thread" do
      answers = nil
      step = outcome_of do |_|
        answers = [Fiber.new { worker.stop(timeout_ms: 60_000) }.resume, Thread.new { working.close }.value]
        { "n" => 1 }
      end

      expect([step["state"], answers]).to eq(["complete", [false, nil]])
      expect(worker.wait(timeout_ms: 20_000)).to be(true)
    end

    it "are still interrupted when they do not end thereafter" do
      closed = other(shutdown_timeout_ms: 100)
      closed.start_worker
      left = Queue.new
      closed.register_handler("lingers") do |_|
        closed.close
        sleep 60
      ensure
        left << true
      end
      create_task([{ name: "a", handler: "lingers" }])

      expect(eventually { !left.empty? }).to be(true)
    end
  end
end

RSpec.describe "Unruly handlers" do
  include Workflows

  it_behaves_like "unruly handlers"
end

if java.lang.Runtime.version.feature >= 21
  RSpec.describe "Unruly handlers on virtual threads" do
    include Workflows

    def configuration = super.merge(virtual_threads: true)

    it_behaves_like "unruly handlers"
  end
end
