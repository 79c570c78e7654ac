# frozen_string_literal: true

require "date"
require "time"
require "tmpdir"
require_relative "../support/workflows"

# Whatever a handler does, its attempt ends as a result or as a failure that tells what happened.
RSpec.describe "Handlers" do
  include Workflows

  def error_of(...) = run_step(...)["error"]

  describe "what they return" do
    it "is the result, if it is a Hash" do
      step = run_step { { at: Time.utc(2026), big: 6**64, "list" => [:a, 1.0] } }

      expect(step).to include("state" => "complete", "error" => nil)
      expect(step["result"]).to eql("at" => "2026-01-01T00:00:00.000Z", "big" => 6**64, "list" => ["a", 1.0])
    end

    it "is an empty result, if it is nil" do
      expect(run_step { nil }).to include("state" => "complete", "result" => {})
    end

    it "may be what a coordinator returned" do
      expect(run_step { TaskerCore::Result.new("n" => TaskerCore::Result.new("m" => 1)) }["result"]).to eq("n" => { "m" => 1 })
    end

    it "may be success or failure, from a class" do
      good = Class.new(TaskerCore::StepHandler) { def call(_) = success(result: { "n" => 1 }, metadata: { "m" => 2 }) }
      bad = Class.new(TaskerCore::StepHandler) do
        def call(_) = failure(message: "no stock", error_code: :stock, context: { "sku" => 7 })
      end

      expect(run_step(good)).to include("state" => "complete", "result" => { "n" => 1 })
      expect(run_step(bad)).to include("state" => "error")
      expect(error_of(bad)).to include("class" => "TaskerCore::PermanentError", "message" => "no stock", "error_code" => "stock",
                                       "retryable" => false, "context" => { "sku" => 7 })
    end

    [nil, "", "  ", 42, :sold_out, Object.new].each do |message|
      it "may be a failure whose message is #{message.class} #{message.to_s[0, 8].inspect}" do
        handler = Class.new(TaskerCore::StepHandler) { define_method(:call) { |_| failure(message: message, error_code: "none") } }
        step = run_step(handler)

        expect(step).to include("state" => "error", "error" => include("class" => "TaskerCore::PermanentError", "error_code" => "none"))
        expect(step["error"]["message"]).to eq(message.to_s.strip.empty? ? "failed without a message" : message.to_s)
        expect(log.string).not_to match(/stored in part|could not be read/)
      end
    end

    it "may be a failure that is tried again" do
      handler = Class.new(TaskerCore::StepHandler) do
        def call(context) = context.retry? ? success : failure(message: "busy", retryable: true)
      end

      expect(run_step(handler, retry_policy: { base_ms: 1 })).to include("state" => "complete", "attempts" => 2)
    end

    [42, "text", [], :symbol, true, Object.new, 1..2].each do |wrong|
      it "fails the step for good if it is an instance of #{wrong.class}" do
        step = run_step(retry_policy: { max_attempts: 3 }) { wrong }

        expect(step).to include("state" => "error", "attempts" => 1)
        expect(step["error"]).to include("class" => "TaskerCore::InvalidTypeError", "retryable" => false,
                                         "message" => /returned an instance of #{wrong.class}: return a Hash/)
      end
    end

    it "fails the step for good if it can't be stored, naming the path" do
      step = run_step(retry_policy: { max_attempts: 3 }) { { items: [{ price: Float::NAN }] } }

      expect(step).to include("state" => "error", "attempts" => 1)
      expect(step["error"]).to include("class" => "TaskerCore::ValidationError", "message" => /\Aresult\.items\[0\]\.price: is NaN/)
    end
  end

  describe "what they raise" do
    it "is stored whole, when it is a PermanentError" do
      step = run_step(retry_policy: { max_attempts: 3 }) do
        raise TaskerCore::PermanentError.new("declined", error_code: "card", context: { amount: 12 })
      end

      expect(step).to include("state" => "error", "attempts" => 1)
      expect(step["error"]).to include("class" => "TaskerCore::PermanentError", "message" => "declined", "error_code" => "card",
                                       "retryable" => false, "context" => { "amount" => 12 })
      expect(step["error"]["backtrace"].first).to start_with("#{__FILE__}:")
    end

    it "is tried again, and waits as long as a RetryableError says" do
      step = run_step(retry_policy: { max_attempts: 2, base_ms: 1 }) do |context|
        raise TaskerCore::RetryableError.new("busy", retry_after: 0.3, context: { "n" => 1 }) unless context.retry?

        { "waited" => true }
      end

      expect(step).to include("state" => "complete", "attempts" => 2)
      context = coordinator.task_context(step["step_id"] >> 16)
      began = context["transitions"].select { |row| row["step_id"] && row["to_state"] == "in_progress" }
      first, second = began.map { |row| Time.iso8601(row["at"]) }
      expect(second - first).to be_between(0.3, 3)
    end

    {
      "a StandardError" => [-> { raise "oops" }, "RuntimeError", "oops"],
      "a SystemExit" => [-> { exit 3 }, "SystemExit", "exit"],
      "a ScriptError" => [-> { raise NotImplementedError, "later" }, "NotImplementedError", "later"],
      "an Interrupt" => [-> { raise Interrupt, "ctrl-c" }, "Interrupt", "ctrl-c"],
      "a NoMemoryError" => [-> { raise NoMemoryError, "full" }, "NoMemoryError", "full"],
      "an Exception of its own" => [-> { raise Class.new(Exception) { def self.name = "Odd" }, "odd" }, /Class|Odd/, "odd"],
      "an uncaught throw" => [-> { throw :done }, "UncaughtThrowError", /done/],
      "a Java exception" => [-> { raise java.lang.Exception.new("java") }, "Java::JavaLang::Exception", /java/],
      "a Java error" => [-> { java.util.ArrayList.new.get(1) }, "Java::JavaLang::IndexOutOfBoundsException", /Index 1/],
      "endless recursion" => [-> { (recurse = ->(n) { recurse.(n + 1) + 1 }).(0) }, "SystemStackError", /./],
      "a yield from the root fiber" => [-> { Fiber.yield 1 }, "FiberError", /./],
      "what a fiber raises" => [-> { Fiber.new { raise "in a fiber" }.resume }, "RuntimeError", "in a fiber"],
      "a break out of a proc" => [-> { proc { break 1 }.call }, "LocalJumpError", /./],
      "a message that is no text" => [-> { raise "a\0b\xFF" }, "RuntimeError", /a.*b/],
      "a message that raises" => [-> { raise Class.new(StandardError) { def message = raise("again") } }, /./, /could not be read/]
    }.each do |name, (body, error_class, message)|

      it "is a failure that is tried again, when it is #{name}" do
        error = error_of { body.call }

        expect(error).to include("class" => error_class, "message" => message, "retryable" => true)
      end
    end

    it "does not hide behind a context that can't be stored" do
      error = error_of { raise TaskerCore::PermanentError.new("no", context: { it: Object.new }) }

      expect(error).to include("message" => "no", "retryable" => false, "context" => { "not_stored" => /context\.it/ })
    end

    it "is readable where it is cut inside a character" do
      long = run_step { |_| raise "#{'a' * 9_999}#{'😀' * 5}" }
      deep = run_step { |_| raise(RuntimeError, "#{'b' * 184}😀!", ["#{'c' * 499}😀"]) }
      thrown = run_step { |_| raise java.lang.IllegalStateException.new(java.lang.String.new([0x64, 0xd83d].to_java(:char))) }

      expect(long["error"]).to include("message" => "#{'a' * 9_999}…")
      expect(deep["error"]).to include("message" => "#{'b' * 184}😀!", "backtrace" => ["#{'c' * 499}…"])
      expect(TestDatabase.execute("SELECT reason FROM tasker.transitions WHERE step_id = #{deep['step_id']} AND to_state = 'error'", url: @url))
        .to eq([{ "reason" => "RuntimeError: #{'b' * 184}…" }])
      expect(thrown["error"]).to include("message" => "d\uFFFD")
    end

    it "holds the lines of files below folders with names beyond ASCII, and messages of other bytes" do
      Dir.mktmpdir do |folder|
        file = File.join(folder, "prüf ordner", "größe.rb")
        Dir.mkdir(File.dirname(file))
        File.write(file, "def größe = raise(%q(zu groß).b)\nFailing = ->(_) { größe }\nFailingToo = ->(_) { raise \"caf\\xE9\".b }\n")
        load file

        expect(error_of(Failing)).to include("message" => "zu groß", "backtrace" => include(/\A#{file}:1:in/, /\A#{file}:2:in/))
        expect(error_of(FailingToo)).to include("message" => 'caf\\xE9', "backtrace" => include(/\A#{file}:3:in/))
      ensure
        %i[Failing FailingToo].each { |name| Object.send(:remove_const, name) if Object.const_defined?(name) }
      end
    end

    it "keeps a long backtrace short" do
      deep = ->(n) { n.zero? ? raise("deep") : deep.call(n - 1) }

      expect(error_of { deep.call(300) }["backtrace"].size).to be <= 50
    end
  end

  # Each step is executed once: when it runs next says what came of the value.
  describe "the retry_after of a failure" do
    # What ActiveSupport has for a time in a zone is no Time, but says so.
    zoned = Class.new do
      def self.name = "ActiveSupport::TimeWithZone"

      def initialize(time) = @time = time

      def to_time = @time

      def is_a?(type) = type == ::Time || super
    end

    raised = lambda do |value|
      ->(_) { raise TaskerCore::RetryableError.new("busy", retry_after: value) }
    end
    returned = lambda do |value|
      ->(_) { TaskerCore::StepFailure.new(message: "busy", retryable: true, retry_after: value) }
    end

    # Seconds between the failure and the next attempt.
    def delay_of(handler)
      name = coordinator.register_handler("handler_#{Workflows.next_number}", handler)
      task_id = create_task([{ name: "only", handler: name, retry: { backoff: "fixed", base_ms: 60_000, max_ms: 60_000, jitter: 0 } }])
      coordinator.execute_step(step_id: coordinator.task_context(task_id)["steps"].first["step_id"])
      task = coordinator.task_context(task_id)
      failed = task["transitions"].find { |row| row["step_id"] && row["to_state"] == "waiting_for_retry" }
      Time.iso8601(task["steps"].first["next_run_at"]) - Time.iso8601(failed["at"])
    end

    { "raised" => raised, "returned" => returned }.each do |way, failing|
      {
        "a number of seconds" => [-> { 600 }, 600],
        "a fraction of seconds" => [-> { 600.25 }, 600.25],
        "a Rational" => [-> { 1201r / 2 }, 600.5],
        "a numeric String" => [-> { "600" }, 600],
        "a numeric String with blanks and a fraction" => [-> { " 600.5 " }, 600.5],
        "a Time" => [-> { Time.now + 600 }, 600],
        "a Time of another zone" => [-> { (Time.now + 600).localtime("-08:00") }, 600],
        "a DateTime" => [-> { (Time.now + 600).to_datetime }, 600],
        "a time in a zone" => [-> { zoned.new(Time.now + 600) }, 600],
        "an ISO 8601 text" => [-> { (Time.now + 600).localtime("+05:30").iso8601 }, 600],
        "an HTTP date" => [-> { (Time.now + 600).httpdate }, 600],
        "an HTTP date of RFC 850" => [-> { (Time.now + 600).utc.strftime("%A, %d-%b-%y %H:%M:%S GMT") }, 600],
        "an HTTP date of asctime" => [-> { (Time.now + 600).utc.strftime("%a %b %e %H:%M:%S %Y") }, 600]
      }.each do |name, (value, seconds)|
        it "is waited for where it is #{name}, #{way}" do
          expect(delay_of(failing.call(value.call))).to be_within(seconds.is_a?(Integer) ? 20 : 0.01).of(seconds)
          expect(log.string).not_to match(/WARN.*(retry_after|no handler)/)
        end
      end

      {
        "text with a unit" => ["2 minutes", '"2 minutes"'],
        "text with a comma" => ["1,5", '"1,5"'],
        "text that names a time of day alone" => ["12:30", '"12:30"'],
        "a local time, of whichever zone" => ["2126-01-01T12:00:00", '"2126-01-01T12:00:00"'],
        "empty" => ["", '""'],
        "of other digits" => ["६००", '"६००"'],
        "broken text" => ["\xFF".b, "String"],
        "negative" => [-600, "-600"],
        "a negative String" => ["-600", '"-600"'],
        "a time that is over" => [Time.utc(2020), "2020-01-01"],
        "an HTTP date that is over" => ["Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994"],
        "infinite" => [Float::INFINITY, "Infinity"],
        "text without an end" => ["1e999", '"1e999"'],
        "NaN" => [Float::NAN, "NaN"],
        "a Date" => [Date.new(2126), "Date"],
        "true" => [true, "TrueClass"],
        "a Hash" => [{ seconds: 1 }, "Hash"],
        "an object" => [Object.new, "Object"],
        "a BasicObject" => [BasicObject.new, "BasicObject"],
        "an object that raises" => [Class.new { def to_time = raise("no") }.new, /to_time raised RuntimeError: no/],
        "an object whose time is none" => [Class.new { def to_time = 7 }.new, /instance of Integer for a time/]
      }.each do |name, (value, shown)|
        it "is no matter where it is #{name}, #{way}, and the log says what came" do
          expect(delay_of(failing.call(value))).to be_within(1).of(60)
          warnings = log.string.lines.grep(/WARN.*retry_after/)
          expect(warnings).to match([/\[task \d+ step \d+ only attempt 1 correlation \S+\] retry_after .*; the template's delay holds$/])
          expect(warnings.first).to match(shown)
        end
      end
    end

    it "may be a Time that has just come" do
      expect(delay_of(raised.call(Time.now))).to be_within(1).of(60)
      expect(log.string).not_to match(/WARN.*(retry_after|no handler)/)
    end

    it "goes by the time that Ruby has, which tests may have moved" do
      allow(Time).to receive(:now).and_return(Time.utc(2040))

      expect(delay_of(raised.call(Time.utc(2040) + 600))).to be_within(0.1).of(600)
    end
  end

  describe "a handler that leaves a block by return" do
    it "ends as a failure" do
      def handler_with_return = proc { |_| return { "n" => 1 } }

      expect(error_of(handler_with_return)).to include("class" => "LocalJumpError")
    end
  end

  describe "where they are found" do
    it "is by the name they were registered under, a String or a Symbol" do
      expect(coordinator.register_handler(:"some.handler") {}).to eq("some.handler")
    end

    it "is by a name beyond ASCII too" do
      expect(coordinator.register_handler(:zahlung_prüfen) { |_| { "n" => 1 } }).to eq("zahlung_prüfen")
      task_id = create_task([{ name: "a", handler: "zahlung_prüfen" }])
      coordinator.orchestrate_task(task_id)

      expect(coordinator.task_context(task_id)["steps"].first).to include("result" => { "n" => 1 })
    end

    it "is the constant of that name, looked up for each attempt, a new instance each" do
      stub_const("Found::Here", Class.new { def call(_) = { "who" => object_id, "version" => 1 } })
      first, second = Array.new(2) { orchestrated([{ name: "a", handler: "Found::Here" }])["steps"].first["result"] }
      expect(first["who"]).not_to eq(second["who"])

      stub_const("Found::Here", Class.new { def call(_) = { "version" => 2 } })
      expect(orchestrated([{ name: "a", handler: "Found::Here" }])["steps"].first["result"]).to eq("version" => 2)
    end

    ["Prüfe", "Läger::Prüfe", "Заказ::Оплата", "::Läger::Größe"].each do |name|
      it "is the constant #{name}, with letters beyond ASCII" do
        stub_const(name.delete_prefix("::"), Class.new { def call(_) = { "n" => 1 } })

        expect(orchestrated([{ name: "a", handler: name }])["steps"].first["result"]).to eq("n" => 1)
      end
    end

    describe "which is nowhere, but nearly" do
      before do
        stub_const("Shop::Order", Class.new { def call(_) = {} })
        stub_const("Shop::OfTheClass", Class.new { def self.call(_) = {} })
        stub_const("Shop::Hidden", Class.new { private def call(_) = {} })
        stub_const("Shop::Nothing", Class.new)
        stub_const("Shop::Tools", Module.new { def call(_) = {} })
        coordinator.register_handler("shop.charge_card") { |_| {} }
      end

      {
        "Shop.Order" => "did you mean Shop::Order?",
        "Shop::Order " => "did you mean Shop::Order?",
        "shop/order" => "did you mean Shop::Order?",
        "Shop::Ordr" => "did you mean Shop::Order?",
        "Shpo::Order" => "did you mean Shop::Order?",
        "::shop::Order" => "did you mean Shop::Order?",
        "shop.chrage_card" => "did you mean shop.charge_card?",
        "Shop::ChargeCard" => "did you mean shop.charge_card?",
        " shop.charge_card" => "did you mean shop.charge_card?",
        "Shop::OfTheClass" => "its call is a method of the class, and handlers are instances: define call for these, " \
                              "or give the class's to register_handler",
        "Shop::Hidden" => "its call is private",
        "Shop::Nothing" => "it has no method call",
        "Shop::Tools" => "it is a module, and its call is for those who include it"
      }.each do |name, hint|
        it "is told for #{name.inspect}, by explain and once by the log" do
          task_id = create_task([{ name: "a", handler: name }])
          2.times { expect(coordinator.orchestrate_task(task_id)["status"]).to eq("pending") }

          expect(coordinator.explain(task_id)["steps"].first)
            .to include("reason" => "no_live_worker_has_handler", "detail" => a_string_ending_with(hint), "handler" => name)
          expect(log.string.lines.grep(/WARN.*no handler/)).to match([/no handler #{Regexp.escape(name)}; .*#{Regexp.escape(hint)}$/])
        end
      end

      it "is told by register_handler, too" do
        expect { coordinator.register_handler("hidden", Shop::Hidden) }.to raise_error(TaskerCore::InvalidTypeError, /its call is private/)
        expect { coordinator.register_handler("of_the_class", Shop::OfTheClass) }
          .to raise_error(TaskerCore::InvalidTypeError, /its call is a method of the class/)
      end

      ["Elsewhere::Order", "shop.refund_card", "shop.charge_card_2", "proc", "string", "?"].each do |name|
        it "is not told for #{name.inspect}, which another process may have" do
          task_id = create_task([{ name: "a", handler: name }])
          coordinator.orchestrate_task(task_id)

          expect(coordinator.explain(task_id)["steps"].first["detail"]).to eq("no live process has a handler named #{name}")
          expect(log.string).not_to match(/WARN.*(retry_after|no handler)/)
        end
      end

      it "loads no code that was not asked for" do
        stub_const("Lazy", Module.new)
        Lazy.autoload(:Order, "/nowhere/lazy_order.rb")
        Object.autoload(:LazyShop, "/nowhere/lazy_shop.rb")
        task_id = create_task([{ name: "a", handler: "Lazy::Ordr" }, { name: "b", handler: "LazyShpo::Order" }])
        coordinator.orchestrate_task(task_id)

        expect(coordinator.explain(task_id)["steps"].map { |step| step["detail"] })
          .to match([/did you mean Lazy::Order\?\z/, /named LazyShpo::Order\z/])
        expect(log.string).not_to include("/nowhere")
      ensure
        Object.send(:remove_const, :LazyShop)
      end
    end

    it "is nowhere: the step is no attempt, stays enqueued, and runs once there is a handler" do
      task_id = create_task([{ name: "a", handler: "Not::Yet" }])

      expect(coordinator.orchestrate_task(task_id)).to include("status" => "pending", "steps_executed" => 0)
      expect(coordinator.explain(task_id)["steps"].first).to include("name" => "a", "reason" => "no_live_worker_has_handler")
      expect(coordinator.task_context(task_id)["steps"].first).to include("state" => "enqueued", "attempts" => 0)

      stub_const("Not::Yet", Class.new { def call(_) = {} })
      expect(coordinator.orchestrate_task(task_id)).to include("status" => "complete")
    end

    {
      "recursion without an end" => [-> { raise SystemStackError, "too deep" }, "SystemStackError: too deep"],
      "a want of memory" => [-> { raise NoMemoryError, "full" }, "NoMemoryError: full"],
      "an error of Java's" => [-> { raise java.lang.ExceptionInInitializerError.new("static") }, "Java::JavaLang::ExceptionInInitializerError: static"]
    }.each do |name, (load, message)|
      it "is nowhere while loading it ends in #{name}, and others are found" do
        stub_const("Broken", Module.new { define_singleton_method(:const_missing) { |_| load.call } })
        task_id = create_task([{ name: "a", handler: "Broken::Handler" }, { name: "b", handler: "fine" }])
        coordinator.register_handler("fine") { |_| nil }
        coordinator.orchestrate_task(task_id)

        expect(coordinator.task_context(task_id)["steps"].map { |step| step["state"] }).to eq(%w[enqueued complete])
        expect(log.string).to include("no handler Broken::Handler: #{message}")
      end
    end

    it "is nowhere while its code is broken, which the log tells" do
      broken = stub_const("Broken", Module.new { def self.const_missing(_) = raise(SyntaxError, "unexpected end") })
      task_id = create_task([{ name: "a", handler: "Broken::Handler" }])

      expect(coordinator.orchestrate_task(task_id, timeout_ms: 5_000)).to include("status" => "pending", "steps_executed" => 0)
      expect(log.string).to match(/ERROR.*no handler Broken::Handler: SyntaxError: unexpected end/)
      expect(broken).to be_a(Module)
    end

    it "is refused where it can't be one" do
      expect { coordinator.register_handler("a", 3) }.to raise_error(TaskerCore::InvalidTypeError, /handler must be/)
      expect { coordinator.register_handler("a", String) }.to raise_error(TaskerCore::InvalidTypeError)
      expect { coordinator.register_handler("a") }.to raise_error(TaskerCore::InvalidTypeError)
      expect { coordinator.register_handler(7) {} }.to raise_error(TaskerCore::InvalidTypeError, /name must be/)
    end

    def orchestrated(steps)
      task_id = create_task(steps)
      coordinator.orchestrate_task(task_id)
      coordinator.task_context(task_id)
    end
  end

  describe "their context" do
    it "tells all about the attempt" do
      seen = nil
      step = run_step(payload: { n: [1] }, config: { limit: 5 }, timeout_ms: 60_000, retry_policy: { max_attempts: 2 }) do |context|
        seen = context
        nil
      end

      expect(seen).to have_attributes(
        task_id: step["step_id"] >> 16, step_id: step["step_id"], step_name: "only", namespace: "default", payload: { "n" => [1] },
        config: { "limit" => 5 }, results: {}, attempt: 1, max_attempts: 2, retry?: false, last_attempt?: false, cancelled?: false
      )
      expect(seen.deadline).to be_within(5).of(Time.now + 60)
      expect(seen.correlation_id).to match(/\A\h{8}-/)
      expect(seen.payload).to equal(seen.payload)
      expect(seen.inspect).to include("step only, attempt 1 of 2")
    end

    it "says so where a document cannot be read" do
      name = coordinator.register_handler("reads") do |context|
        context.payload
      rescue TaskerCore::InternalError => e
        { "raised" => e.message }
      end
      task_id = create_task([{ name: "a", handler: name }])
      TestDatabase.execute("UPDATE tasker.tasks SET payload = '{\"n\": 1e400}' WHERE task_id = #{task_id}", url: @url)
      coordinator.orchestrate_task(task_id)
      TestDatabase.execute("UPDATE tasker.tasks SET payload = '{}' WHERE task_id = #{task_id}", url: @url)

      expect(coordinator.task_context(task_id)["steps"].first["result"]).to match("raised" => /see the log/)
    end

    it "has the same idempotency key in each attempt, and another in another step" do
      keys = []
      2.times do
        run_step(retry_policy: { max_attempts: 2, base_ms: 1 }) do |context|
          keys << context.idempotency_key
          raise "again" unless context.last_attempt?
        end
      end

      expect(keys.uniq.size).to eq(2)
      expect(keys[0]).to eq(keys[1])
    end

    it "has the results of direct parents, and gives those of others" do
      seen = nil
      coordinator.register_handler("give") { |context| { "from" => context.step_name } }
      coordinator.register_handler("look") { |context| (seen = context) && nil }
      task_id = create_task([{ name: "a", handler: "give" }, { name: "b", handler: "give", depends_on: ["a"] },
                             { name: "c", handler: "look", depends_on: ["b"] }])
      coordinator.orchestrate_task(task_id)

      expect(seen.results).to eq("b" => { "from" => "b" })
      expect(seen.result_of(:b)).to eq("from" => "b")
      expect(seen.result_of("a")).to eq("from" => "a")
    end
  end

  describe "results of ancestors" do
    def chain(*handlers)
      handlers.each_with_index { |handler, i| coordinator.register_handler("chain.#{i}", &handler) }
      steps = handlers.each_index.map { |i| { name: "s#{i}", handler: "chain.#{i}", depends_on: i.zero? ? [] : ["s#{i - 1}"], retry: { max_attempts: 1 } } }
      steps << { name: "aside", handler: "chain.0" }
      name = "chain_#{SecureRandom.hex(4)}"
      coordinator.register_template(name: name, version: "1.0.0", steps: steps)
      task = coordinator.initialize_task(task_name: name)
      coordinator.orchestrate_task(task.task_id)
      coordinator.task_context(task.task_id)["steps"]
    end

    it "are read of all steps that this one depends on, those beyond the parents from the database" do
      large = "x" * 100_000 # too large to be kept in memory
      steps = chain(->(_) { { "n" => 1, "large" => large } }, ->(_) {}, lambda { |context|
        { "direct" => context.result_of("s1"), "n" => context.result_of(:s0)["n"], "size" => context.result_of("s0")["large"].size,
          "same" => context.result_of("s0").equal?(context.result_of("s0")), "parents" => context.results.keys }
      })

      expect(steps[2]["result"]).to eq("direct" => {}, "n" => 1, "size" => 100_000, "same" => true, "parents" => ["s1"])
    end

    it "are refused of others, for good, with the names of the ancestors" do
      steps = chain(->(_) {}, ->(_) {}, ->(context) { context.result_of("aside") })
      expect(steps[2]).to include("state" => "error", "attempts" => 1)
      expect(steps[2]["error"]).to include("class" => "TaskerCore::PermanentError", "error_code" => "no_such_ancestor", "retryable" => false,
                                           "message" => a_string_including("aside is no ancestor of the step s2", "they are s0, s1"))

      expect(chain(->(context) { context.result_of("s1") }).first["error"]["message"]).to include("it has none")
    end
  end

  it "store metadata beside the result, for people" do
    coordinator.register_handler("noting") { |_| TaskerCore::StepHandler.new.success(result: { "n" => 1 }, metadata: { rows: 3, at: [1] }) }
    coordinator.register_handler("plain") { |context| { "parent" => context.result_of("a") } }
    coordinator.register_template(name: "noting", version: "1.0.0", steps: [{ name: "a", handler: "noting" }, { name: "b", handler: "plain", depends_on: ["a"] }])

    run = coordinator.handle_task(task_name: "noting")
    steps = coordinator.task_context(coordinator.list_tasks(name: "noting")["tasks"].first["task_id"])["steps"]

    expect(run.status).to eq("complete")
    expect(steps.map { |step| step.values_at("result", "metadata", "crashes") })
      .to eq([[{ "n" => 1 }, { "rows" => 3, "at" => [1] }, 0], [{ "parent" => { "n" => 1 } }, nil, 0]])
  end

  it "end in error where their metadata cannot be stored" do
    { 5 => /the metadata of success\(...\) is an instance of Integer/, { "n" => Float::NAN } => /metadata\.n/ }.each do |metadata, message|
      step = run_step { |_| TaskerCore::StepHandler.new.success(metadata: metadata) }
      expect(step).to include("state" => "error", "error" => include("message" => message, "retryable" => false))
    end
  end
end
