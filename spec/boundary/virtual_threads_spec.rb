# frozen_string_literal: true

require "timeout"
require_relative "../support/workflows"

# Handlers on virtual threads: what holds for the others holds for them.
RSpec.describe "Virtual threads" do
  include Workflows

  if Java::JavaLang::Runtime.version.feature < 21
    it "are refused where Java has none" do
      expect { TaskerCore.create_coordinator_with_config(database_url: @url, virtual_threads: true) }
        .to raise_error(TaskerCore::ConfigurationError, /\Avirtual_threads: needs Java 21 or later, and this is Java 1\d/)
    end
  else
    def configuration = super.merge(virtual_threads: true, max_parallel_steps: 1_000)

    before { @gate = Queue.new }
    after { @gate.close }

    def virtual? = Java::JavaLang::Thread.current_thread.virtual?

    it "run handlers by the hundred at once, and go when there is nothing to do" do
      at_once = Queue.new
      others = handler_threads # of other examples, about to retire
      coordinator.register_handler("waits") { |_| at_once << virtual? && @gate.pop && nil }
      task_id = create_task(Array.new(500) { |i| { name: "s#{i}", handler: "waits" } })
      run = Thread.new { coordinator.orchestrate_task(task_id) }
      expect(eventually(30) { at_once.size == 500 }).to be(true)
      expect(Array.new(500) { at_once.pop }).to all(be(true))
      expect(handler_threads - others).to eq([])

      @gate.close
      expect(run.value).to include("status" => "complete", "steps_executed" => 500)
      expect(eventually(30) { Thread.list.none? { |thread| virtual_handler?(thread) } }).to be(true)
    end

    def virtual_handler?(thread) = JRuby.ref(thread).native_thread&.name.to_s.start_with?("tasker-virtual-handler")

    it "are interrupted when a step's time is up, waiting or busy, and run what ensures" do
      cleaned = Queue.new
      waiting = run_step(timeout_ms: 100) do
        sleep 30
      ensure
        cleaned << true
      end
      busy = run_step(timeout_ms: 100) { loop { 1 + 1 } }

      expect([waiting, busy].map { |step| step["error"]["error_code"] }).to eq(%w[timeout timeout])
      expect(eventually { !cleaned.empty? }).to be(true)
    end

    it "never see the interruption of the step before" do
      steps = Array.new(30) { |i| run_step(timeout_ms: i.even? ? 20 : 20_000) { i.even? ? sleep(30) : { "i" => i } } }

      expect(steps.map { |step| step["state"] }).to eq(%w[error complete] * 15)
    end

    it "may wait for other tasks, raise, and be killed" do
      child = create_task([{ name: "a", handler: coordinator.register_handler("child") { |_| { "n" => 1 } } }])
      parent = run_step { |_| { "child" => coordinator.orchestrate_task(child).status } }
      raised = run_step { |_| raise TaskerCore::PermanentError, "no" }
      killed = run_step { |_| Thread.current.kill && sleep }
      after = run_step { |_| { "virtual" => virtual? } }

      expect(parent["result"]).to eq("child" => "complete")
      expect(raised["error"]).to include("message" => "no", "retryable" => false)
      expect(killed["error"]["message"]).to match(/killed/)
      expect(after["result"]).to eq("virtual" => true)
    end

    it "keep Timeout and Thread#raise within the handler" do
      timed_out = run_step { |_| Timeout.timeout(0.05) { sleep 30 } }
      raised = run_step do
        mine = Thread.current
        Thread.new { mine.raise(ArgumentError, "from beside") }
        sleep 30
      end

      expect(timed_out["error"]["class"]).to eq("Timeout::Error")
      expect(raised["error"]).to include("class" => "ArgumentError", "message" => "from beside")
    end

    it "serve a coordinator beside one that has threads of the system's" do
      other = TaskerCore.create_coordinator_with_config(database_url: @url)
      other.register_handler("which") { |_| { "virtual" => virtual? } }
      coordinator.register_handler("which") { |_| { "virtual" => virtual? } }
      ran = [other, coordinator].map do |on|
        task_id = create_task([{ name: "a", handler: "which" }], on: on)
        on.orchestrate_task(task_id)
        on.task_context(task_id)["steps"].first["result"]
      end

      expect(ran).to eq([{ "virtual" => false }, { "virtual" => true }])
    ensure
      other&.close
    end
  end
end
