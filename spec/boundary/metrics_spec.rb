# frozen_string_literal: true

require "timeout"
require_relative "../support/workflows"

RSpec.describe "Metrics" do
  include Workflows

  before do
    coordinator.register_handler("fine") { |_| nil }
    coordinator.register_handler("slow") { |_| sleep(0.05) && nil }
    coordinator.register_handler("never") { |_| raise TaskerCore::PermanentError, "no" }
  end

  def run(*steps, on: coordinator) = on.orchestrate_task(create_task(steps, on: on))

  describe "of a coordinator" do
    let(:own) { TaskerCore.create_coordinator_with_config(configuration) }
    after { own.close }

    it "are all there, and zero where nothing has happened" do
      expect(own.performance_metrics).to be_a(TaskerCore::Result).and include(
        "tasks_per_second" => 0.0, "steps_per_second" => 0.0, "average_completion_time_ms" => 0.0, "error_rate" => 0.0,
        "active_tasks" => Integer, "queue_wait_ms" => { "p50" => 0.0, "p95" => 0.0, "p99" => 0.0 }, "handler_time_ms" => Hash,
        "overhead_ms" => Hash, "pool" => include("max" => 20, "waiting" => Integer), "claims" => 0, "retries" => 0, "crashes" => 0
      )
    end

    it "tell what it has done" do
      own.register_handler("slow") { |_| sleep(0.05) && nil }
      own.register_handler("flaky") { |step| step.retry? ? nil : raise("not yet") }
      own.register_handler("never") { |_| raise TaskerCore::PermanentError, "no" }
      run({ name: "a", handler: "slow" }, { name: "b", handler: "slow", depends_on: ["a"] }, on: own)
      run({ name: "a", handler: "flaky", retry: { base_ms: 1 } }, on: own)
      run({ name: "a", handler: "never" }, on: own)
      waiting = create_task([{ name: "a", handler: "nobody has it" }], on: own)
      metrics = own.performance_metrics

      expect(metrics).to include("claims" => 5, "retries" => 1, "steps_completed" => 3, "steps_failed" => 1)
      expect(metrics["tasks"]).to eq("complete" => 2, "error" => 1, "cancelled" => 0, "resolved_manually" => 0)
      expect(metrics["error_rate"]).to be_within(0.001).of(1 / 3.0)
      expect(metrics["average_completion_time_ms"]).to be > 30
      expect([metrics["tasks_per_second"], metrics["steps_per_second"]]).to all(be > 0)
      expect(metrics.dig("handler_time_ms", "p95")).to be_between(45, 5_000)
      expect(metrics.dig("overhead_ms", "p50")).to be > 0
      expect(metrics["active_tasks"]).to be >= 1

      own.cancel_task(waiting, reason: "enough")
      expect(own.performance_metrics.dig("tasks", "cancelled")).to eq(1)
      expect(own.performance_metrics["active_tasks"]).to eq(metrics["active_tasks"] - 1)
      expect(own.performance_metrics["error_rate"]).to eq(metrics["error_rate"])
    end

    it "count the wait in the queue from when a step could run" do
      task_id = create_task([{ name: "a", handler: "fine" }])
      sleep 0.2
      own.register_handler("fine") { |_| nil }
      own.orchestrate_task(task_id)

      expect(own.performance_metrics.dig("queue_wait_ms", "p50")).to be_between(190, 10_000)
    end

    it "count the bridge's calls, and its own time in them but not the waiting" do
      own.register_handler("slow") { |_| sleep(0.2) && nil }
      run({ name: "a", handler: "slow" }, on: own)
      before = own.performance_metrics
      20.times { own.explain(create_task([{ name: "a", handler: "slow" }], on: own)) }
      after = own.performance_metrics

      # register_template, initialize_task and explain, twenty times, and performance_metrics itself
      expect(after["bridge_calls"] - before["bridge_calls"]).to eq(61)
      expect(after["bridge_nanoseconds"]).to be_between(1, 150_000_000)
    end
  end

  describe "of the process" do
    it "add up, and stay when a coordinator is closed" do
      before = TaskerCore.get_performance_metrics
      other = TaskerCore.create_coordinator_with_config(configuration)
      other.register_handler("fine") { |_| nil }
      run({ name: "a", handler: "fine" }, on: other)
      run({ name: "a", handler: "fine" })
      other.close
      after = TaskerCore.get_performance_metrics

      expect(after["claims"] - before["claims"]).to eq(2)
      expect(after.dig("tasks", "complete") - before.dig("tasks", "complete")).to eq(2)
      expect(after["pool"]["max"]).to be >= 20
      expect(after.keys).to eq(coordinator.performance_metrics.keys)
    end

    it "are sent as gauges" do
      run({ name: "a", handler: "fine" }, { name: "b", handler: "never" })
      sink = Class.new { def gauges = @gauges ||= {}; def gauge(name, value) = gauges[name] = value }.new # rubocop:disable Style/SingleLineMethods
      metrics = TaskerCore::Monitor.collect_metrics(sink)

      expect(sink.gauges).to include(
        "tasker.tasks_per_second" => metrics["tasks_per_second"], "tasker.steps_per_second" => metrics["steps_per_second"],
        "tasker.completion_time" => metrics["average_completion_time_ms"], "tasker.error_rate" => metrics["error_rate"],
        "tasker.active_tasks" => metrics["active_tasks"], "tasker.queue_wait_ms.p95" => metrics.dig("queue_wait_ms", "p95"),
        "tasker.pool.active" => Integer
      )
      expect(sink.gauges.values).to all(be_a(Numeric))
      expect(TaskerCore::Monitor.collect_metrics).to be_a(TaskerCore::Result)
      expect { TaskerCore::Monitor.collect_metrics(7) }.to raise_error(TaskerCore::InvalidTypeError, /gauge/)
    end

    it "come in Prometheus's text format" do
      run({ name: "a", handler: "fine" })
      expect(eventually { TaskerCore::Monitor.prometheus.include?("tasker_active_tasks") }).to be(true)
      samples = parse(TaskerCore::Monitor.prometheus)

      expect(samples).to include("tasker_claims_total", "tasker_active_tasks", 'tasker_steps_total{state="complete"}',
                                 'tasker_handler_seconds{quantile="0.95"}', "tasker_handler_seconds_sum", "tasker_handler_seconds_count")
      expect(samples["tasker_claims_total"]).to eq(TaskerCore.get_performance_metrics["claims"])
    end

    it "has no name that the manual does not have" do
      manual = File.read(File.expand_path("../../docs/metrics.md", __dir__))
      names = TaskerCore::Monitor.prometheus.scan(/^# TYPE (\S+)/).flatten

      expect(names.size).to be > 20
      expect(names.reject { |name| manual.include?("`#{name}`") }).to eq([])
    end

    it "come in Prometheus's text format at once while the tasks are locked" do
      TestDatabase.connect(@url) do |connection|
        connection.auto_commit = false
        connection.create_statement.execute("LOCK TABLE tasker.tasks IN ACCESS EXCLUSIVE MODE")

        expect(Timeout.timeout(10) { TaskerCore::Monitor.prometheus }).to include("tasker_claims_total")
      ensure
        connection.rollback
      end
    end

    # Reads the format as its description has it, and refuses all else.
    def parse(text)
      expect(text).to end_with("\n")
      types = {}
      text.each_line(chomp: true).with_object({}) do |line, samples|
        case line
        when /\A# HELP (\w+) \S.*\z/ then expect(types).not_to have_key($1)
        when /\A# TYPE (\w+) (gauge|counter|summary)\z/ then types[$1] = $2
        when /\A((\w+?)(?:_sum|_count)?(?:\{\w+="[^"]*"\})?) (-?\d+(?:\.\d+)?(?:E-?\d+)?)\z/
          sample, family, value = $~.captures
          samples[sample] = value.to_f
          expect(types).to have_key(family)
        else raise "not a line of the format: #{line}"
        end
      end
    end
  end
end
