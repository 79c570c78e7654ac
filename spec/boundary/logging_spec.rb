# frozen_string_literal: true

require "timeout"
require "tmpdir"
require_relative "../support/other_jruby"
require_relative "../support/workflows"

RSpec.describe "What the core logs" do
  include Workflows

  def core_logger(name) = Java::IoTaskercoreJruby::CoreLogProvider.new.logger_factory.get_logger(name)

  let(:gate) { Queue.new }

  # Opened at the end: the core's own log thread may have come to it as well, and is the whole process's.
  after { gate.close }

  def stuck_logger
    gate = self.gate
    Class.new(Logger) { define_method(:add) { |*| gate.pop } }.new(nil)
  end

  it "goes to the Ruby logger, with its level and its exception" do
    core_logger("io.taskercore.engine.housekeeping.Reaper").warn("lease {} lapsed", java.lang.Exception.new("reason"))

    expect(eventually { log.string.match?(/WARN.*lease .*reason/m) }).to be(true)
  end

  it "is quieter for what its libraries say" do
    core_logger("com.zaxxer.hikari.pool.HikariPool").info("library talk")
    core_logger("io.taskercore.engine.housekeeping.Reaper").info("our talk")

    expect(eventually { log.string.include?("our talk") }).to be(true)
    expect(log.string).not_to match(/INFO.*library talk/)
  end

  it "harms nobody when the logger raises" do
    TaskerCore.logger = Class.new(Logger) { def add(*) = raise("broken") }.new(nil)
    core_logger("io.taskercore.engine.housekeeping.Reaper").warn("into the void")
    sleep 0.1
    TaskerCore.logger = Logger.new(log)
    core_logger("io.taskercore.engine.housekeeping.Reaper").warn("heard again")

    expect(eventually { log.string.include?("heard again") }).to be(true)
  end

  describe "to a logger that throws Java's exceptions" do
    let(:calls) { Queue.new }

    before do
      calls = self.calls
      TaskerCore.logger = Class.new(Logger) do
        define_method(:add) { |*| calls << 1 and raise(java.lang.IllegalStateException.new("broken")) }
      end.new(nil)
    end

    it "harms no caller" do
      expect { coordinator.task_context(-1) }.to raise_error(TaskerCore::TaskNotFoundError)
      expect { TaskerCore::Native.parse("[") }.to raise_error(TaskerCore::InternalError)
      expect(run_step { |_| raise "oops" }["error"]).to include("message" => "oops")
    end

    it "is no matter for the log itself" do
      core_logger("io.taskercore.engine.housekeeping.Reaper").warn("into the void")
      sleep 0.5

      expect(calls.size).to be <= 5
    end
  end

  it "lets a time-out reach a caller whose logger is slow" do
    TaskerCore.logger = stuck_logger

    expect { Timeout.timeout(0.2) { TaskerCore::Native.parse("[") } }.to raise_error(Timeout::Error)
  ensure
    TaskerCore.logger = Logger.new(log)
  end

  describe "through a handler's context" do
    it "says which task, step, attempt and correlation id it is about" do
      step = run_step do |context|
        context.logger.info("charged")
        context.logger.warn { "twice" }
        context.logger.error(ArgumentError.new("odd"))
        context.logger.debug? && nil
      end
      task_id = step["step_id"] >> 16
      tag = "[task #{task_id} step #{step['step_id']} only attempt 1 correlation #{coordinator.task_context(task_id).correlation_id}]"

      expect(log.string).to include("INFO -- : #{tag} charged\n", "WARN -- : #{tag} twice\n", "ERROR -- : #{tag} ArgumentError: odd\n")
    end

    it "obeys the library's logger, whichever that is by then" do
      asked = false
      run_step do |context|
        context.logger.info("before")
        TaskerCore.logger = Logger.new(log, level: :error)
        context.logger.info { asked = true }
        context.logger.error("after")
        { "level" => context.logger.level, "info" => context.logger.info? }
      end

      expect(log.string).to match(/before.*after/m)
      expect(asked).to be(false)
    end
  end

  describe "to an application's logger of another kind" do
    # SemanticLogger's level is a Symbol, and it has a question for each.
    let(:by_names) do
      Class.new do
        attr_reader :lines

        def initialize = @lines = []

        def level = :info

        %i[debug info warn error fatal].each_with_index do |name, severity|
          define_method(name) { |message = nil, &block| @lines << "#{name}: #{message || block.call}" if severity.positive? }
          define_method(:"#{name}?") { severity.positive? }
        end

        def add(severity, message = nil, _progname = nil, &block) = public_send(%i[debug info warn error fatal][severity], message, &block)
      end.new
    end

    it "tells a handler what is wanted where its level is a Symbol" do
      TaskerCore.logger = by_names
      step = run_step do |context|
        context.logger.info("charged")
        context.logger << "as it is"
        wanted = %i[debug? info? warn? error? fatal?].select { |question| context.logger.public_send(question) }
        { "wanted" => wanted, "level" => context.logger.level }
      end

      expect(step["error"]).to be_nil
      expect(step["result"]).to eq("wanted" => %w[info? warn? error? fatal?], "level" => Logger::INFO)
      expect(by_names.lines).to include(/\Ainfo: \[task .*\] charged\z/, "info: as it is")
    end

    {
      "Symbol" => [:warn, Logger::WARN], "String" => ["ERROR", Logger::ERROR], "Integer" => [1, Logger::INFO],
      "Symbol of its own" => [:trace, Logger::DEBUG], "nil" => [nil, Logger::WARN]
    }.each do |kind, (level, severity)|
      it "has a level for handlers where it is a #{kind}" do
        TaskerCore.logger = Class.new(Logger) do
          define_method(:level) { level }
          define_method(:debug?) { level == :trace }
          define_method(:info?) { level == 1 }
          define_method(:warn?) { level != "ERROR" }
          define_method(:error?) { true }
          def add(*) = true
        end.new(nil)

        expect(run_step { |context| { "level" => context.logger.level } }["result"]).to eq("level" => severity)
      end
    end
  end

  describe "when a message's bytes are not the log's" do
    {
      "bytes that are no text" => ["caf\xE9".b, 'caf\\xE9'],
      "broken UTF-8" => ["caf\xE9", 'caf\\xE9'],
      "bytes that are UTF-8" => ["café".b, "café"],
      "Latin-1" => ["café".encode("ISO-8859-1"), "café"],
      "UTF-16" => ["café".encode("UTF-16LE"), "café"],
      "an encoding without a converter" => ["caf\xE9".dup.force_encoding("UTF-7"), 'caf\\xE9'],
      "an error with such a message" => [ArgumentError.new("caf\xE9".b), 'ArgumentError: caf\\xE9'],
      "a Symbol" => [:café, "café"],
      "a BasicObject" => [BasicObject.new, "NoMethodError"],
      "an object whose to_s raises" => [Class.new { def to_s = raise("no") }.new, "RuntimeError"],
      "an error whose message raises" => [Class.new(StandardError) { def message = raise("no") }.new, "RuntimeError"]
    }.each do |kind, (message, shown)|
      it "holds #{kind}, below a step with a name beyond ASCII" do
        step = run_step(name: "prüfen") { |context| context.logger.info(message) && nil }

        expect(step["error"]).to be_nil
        expect(log.string.dup.force_encoding("UTF-8")).to match(/INFO.* prüfen attempt 1 .*\] .*#{Regexp.escape(shown)}/)
      end
    end
  end

  describe "to a logger that raises" do
    {
      "an error of the system's" => -> { raise Errno::ENOSPC, "the log" },
      "an IOError" => -> { raise IOError, "closed stream" },
      "an exception of Java's" => -> { raise java.io.IOException.new("Broken pipe") }
    }.each do |kind, failing|
      broken = Class.new(Logger) do
        %i[add << level debug? info? warn? error? fatal? debug info warn error].each { |name| define_method(name) { |*| failing.call } }
      end

      it "harms no handler that logs, when it is #{kind}" do
        TaskerCore.logger = broken.new(nil)
        step = run_step do |context|
          logger = context.logger
          logger.debug("a")
          logger.info { "b" }
          logger.add(Logger::UNKNOWN, "c")
          logger << "d"
          { "questions" => [logger.debug?, logger.info?, logger.error?], "level" => logger.level }
        end

        expect(step["error"]).to be_nil
        expect(step["result"]).to eq("questions" => [false, false, false], "level" => Logger::UNKNOWN)
      end

      it "harms none that looks for handlers, when it is #{kind}" do
        stub_const("Unloadable", Module.new { def self.const_missing(_) = raise(SyntaxError, "unexpected end") })
        TaskerCore.logger = broken.new(nil)

        expect(coordinator.orchestrate_task(create_task([{ name: "a", handler: "Unloadable::Handler" }]))).to include("status" => "pending")
      end
    end

    it "lets what a handler's own block raises reach the handler" do
      rescued = nil
      step = run_step do |context|
        context.logger.info { raise KeyError, "mine" }
      rescue KeyError => e
        rescued = e.message
        nil
      end

      expect([step["error"], rescued]).to eq([nil, "mine"])
    end

    it "lets a handler's own time-out break off a logger that is slow" do
      TaskerCore.logger = stuck_logger
      step = run_step do |context|
        Timeout.timeout(0.05) { context.logger.info("slow") }
      rescue Timeout::Error
        { "broken_off" => true }
      end

      expect(step["result"]).to eq("broken_off" => true)
    end

    it "lets a step's time-out break off a logger that is slow" do
      TaskerCore.logger = stuck_logger
      step = run_step(timeout_ms: 50) do |context|
        context.logger.info("slow")
      ensure
        TaskerCore.logger = Logger.new(log)
      end

      expect(step["error"]).to include("error_code" => "timeout")
    end
  end

  it "tells of each attempt that fails, with its correlation id, and how it goes on" do
    step = run_step(retry_policy: { max_attempts: 2, base_ms: 1 }) { raise ArgumentError, "no such card" }
    id = coordinator.task_context(step["step_id"] >> 16).correlation_id
    lines = log.string.lines.grep(/#{id}/)

    expect(lines.grep(/INFO.* attempt 1 correlation #{id}\] failed, and is tried again: ArgumentError: no such card/).size).to eq(1)
    expect(lines.grep(/WARN.* attempt 2 correlation #{id}\] failed for good: ArgumentError: no such card/).size).to eq(1)
  end

  it "tells of each attempt in one line, whatever the handler and its data say" do
    run_step { raise ArgumentError, "no such card\nERROR forged" }
    run_step { { "a\nERROR forged" => Float::NAN } }
    run_step { raise TaskerCore::PermanentError.new("no", context: { "a\nERROR forged" => Float::NAN }) }

    expect(log.string).to include("no such card\\nERROR forged", 'result["a\nERROR forged"]', 'context["a\nERROR forged"]')
    expect(log.string.lines.grep(/\AERROR/)).to eq([])
  end

  # All that is to be said is in the log when it ends.
  def on_a_coordinator_of_its_own
    other = TaskerCore.create_coordinator_with_config(configuration)
    yield other
  ensure
    other&.close
  end

  it "tells of an attempt whose time is up in one line, then and there" do
    task_id = nil
    on_a_coordinator_of_its_own do |other|
      other.register_handler("takes too long") { |_| sleep 30 }
      task_id = create_task([{ name: "a", handler: "takes too long", timeout_ms: 50, retry: { max_attempts: 1 } }], on: other)
      other.orchestrate_task(task_id)
    end

    lines = -> { log.string.lines.grep(/\[task #{task_id} .* attempt 1 correlation/) }
    expect(eventually { lines.call.any? }).to be(true)
    expect(lines.call).to match([/WARN.*\] failed for good: TaskerCore::Timeout: the attempt ran longer than its timeout_ms of 50$/])
  end

  it "tells of an attempt that is broken off" do
    began = Queue.new
    coordinator.register_handler("broken off") { |_| (began << true) && sleep(30) }
    task_id = create_task([{ name: "a", handler: "broken off" }])
    worker = coordinator.start_worker
    expect(eventually { !began.empty? }).to be(true)
    worker.stop(timeout_ms: 0)

    expect(eventually { log.string.match?(/WARN.*task #{task_id} .* attempt 1 correlation \S+\] was broken off: TaskerCore::StepInterrupted/) }).to be(true)
  end

  it "tells of each task that ends, unless that is not wanted" do
    on_a_coordinator_of_its_own do |other|
      other.register_handler("ends") { |_| {} }
      other.register_template(namespace: "shop", name: "ends", version: "1.0.0", steps: [{ name: "a", handler: "ends" }])
      run = other.handle_task(namespace: "shop", task_name: "ends")
      expect(eventually { log.string.match?(/INFO.*\[task #{run.task_id} shop\/ends\] complete after \d+ ms/) }).to be(true)

      TaskerCore.logger = quiet = Logger.new(sink = StringIO.new, level: Logger::WARN)
      unheard = other.handle_task(namespace: "shop", task_name: "ends")
      quiet.level = Logger::INFO

      expect(eventually { other.handle_task(namespace: "shop", task_name: "ends") && sink.string.match?(%r{\[task \d+ shop/ends\] complete}) }).to be(true)
      expect(sink.string).not_to include("[task #{unheard.task_id} ")
    end
  end

  it "tells what a worker works on, and with which handlers" do
    coordinator.register_handler("here") { |_| {} }
    coordinator.register_template(name: "both", version: "1.0.0", steps: [{ name: "a", handler: "here" }, { name: "b", handler: "nowhere" }])
    worker = coordinator.start_worker(namespaces: ["default"])
    database = URI(@url).path

    expect(eventually { log.string.match?(/INFO.*worker: works on \S+#{database} \(connection_mode direct\), in the namespaces default, \d+ handlers at once/) }).to be(true)
    expect(eventually { log.string.match?(/INFO.*worker: has the handlers .*here.*; of other steps it lacks .*nowhere/) }).to be(true)
  ensure
    worker&.stop
  end

  it "never holds a payload above debug" do
    run_step(payload: { secret: "hunter2" }) { raise "oops" }
    run_step(payload: { secret: "hunter2" }) { { "secret" => Float::NAN } }
    run_step(payload: { secret: "hunter2" }) { sleep 0.01 }
    expect { coordinator.initialize_task(task_name: "none", payload: { secret: "hunter2" }) }.to raise_error(TaskerCore::Error)

    expect(log.string.lines.grep(/hunter2/).grep_v(/DEBUG/)).to be_empty
  end

  # A row that PostgreSQL refuses is quoted in the server's own error.
  it "never holds a payload that PostgreSQL refuses" do
    doomed = TestDatabase.create
    TaskerCore.migrate!(doomed)
    TestDatabase.execute("ALTER TABLE tasker.tasks ADD CHECK (priority <> 42)", url: doomed)
    other = TaskerCore.create_coordinator_with_config(database_url: doomed)
    other.register_template(name: "plain", version: "1.0.0", steps: [{ name: "a", handler: "none" }])
    request = { task_name: "plain", priority: 42, payload: { secret: "hunter2" } }

    expect { other.initialize_task(request) }.to raise_error(TaskerCore::DatabaseError) { |e| expect(e.sql_state).to eq("23514") }
    expect(log.string).to match(/ERROR.*Database error/)
    expect(log.string).not_to include("hunter2")
  ensure
    other&.close
  end

  # In a process of its own, whose standard streams nobody else writes to.
  describe "in a process that goes through much" do
    EVENTFUL_LIFE = <<~'RUBY'
      require "tasker_core"
      require "./spec/support/cuttable_wire"
      TaskerCore.logger = Logger.new(ENV.fetch("LOG"), level: :debug)
      def await
        60_000.times { yield ? return : sleep(0.01) }
        raise "not within ten minutes"
      end
      def logged?(text) = File.read(ENV.fetch("LOG")).include?(text)
      def dropped(url) = TaskerCore.create_coordinator_with_config(database_url: url).health

      wire = CuttableWire.new(ENV.fetch("DATABASE_URL"))
      coordinator = TaskerCore.create_coordinator_with_config(
        database_url: wire.url, connection_timeout_ms: 250, poll_interval_ms: 50, lease_ms: 1000, shutdown_timeout_ms: 100
      )
      coordinator.register_handler("plain") { |_| {} }
      coordinator.register_handler("fails") { |_| raise "oops" }
      coordinator.register_handler("dies") { |_| Thread.current.kill }
      coordinator.register_handler("odd") { |_| raise java.lang.Error.new("odd") }
      %w[plain fails dies odd].each do |name|
        coordinator.register_template(name: name, version: "1.0.0", steps: [{ name: "a", handler: name, retry: { max_attempts: 1 } }])
        coordinator.handle_task(task_name: name, payload: { secret: "hunter2" })
      end
      coordinator.subscribe("*") { |_| raise "a subscriber" }
      worker = coordinator.start_worker
      coordinator.publish_event(name: "some.event", data: { secret: "hunter2" })
      2.times do
        wire.cut
        begin
          coordinator.list_tasks
        rescue TaskerCore::DatabaseError
          nil
        end
        await { logged?("claimer: nothing claimed") && logged?("listener: the connection was lost") }
        wire.mend
        await { coordinator.health["status"] == "ok" }
      end
      20.times { dropped(ENV.fetch("DATABASE_URL")) }
      await { java.lang.System.gc || logged?("dropped without close") }
      coordinator.register_handler("lingers") { |_| (@began = true) && sleep(60) }
      coordinator.register_template(name: "lingers", version: "1.0.0", steps: [{ name: "a", handler: "lingers" }])
      coordinator.initialize_task(task_name: "lingers", payload: { secret: "hunter2" })
      await { @began } # interrupted at the end
      wire.cut
    RUBY

    around do |example|
      Dir.mktmpdir { |folder| (@folder = folder) && example.run }
    end

    it "is all in the logger, and nothing on standard output or error" do
      out, journal = %w[out log].map { |name| File.join(@folder, name) }
      pid = OtherJRuby.spawn("-e", EVENTFUL_LIFE, env: { "DATABASE_URL" => @url, "LOG" => journal }, out: out)
      _, status = Process.wait2(pid)

      expect([status.exitstatus, File.read(out)]).to eq([0, ""])
      expect(File.read(journal)).to include("[task ", " correlation ", "a subscriber of * failed", "dropped without close")
      expect(File.readlines(journal).grep(/hunter2/).grep_v(/DEBUG/)).to be_empty
    end
  end
end
