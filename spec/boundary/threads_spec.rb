# frozen_string_literal: true

require "timeout"
require "weakref"
require_relative "../support/workflows"

# Who interrupts whom, and what is left afterwards.
RSpec.describe "Threads at the boundary" do
  include Workflows

  # Handlers that wait are let go at the end of the example.
  before { @gate = Queue.new }
  after { @gate.close }

  def states(task_id) = coordinator.task_context(task_id)["steps"].to_h { |step| [step["name"], step["state"]] }

  # A task whose handlers run on while the caller has left; returns its id.
  def start(steps)
    task_id = create_task(steps)
    coordinator.orchestrate_task(task_id, timeout_ms: 50)
    task_id
  end

  describe "a time-out" do
    it "interrupts the handler, runs its ensure, and is recorded as a retryable timeout" do
      cleaned = Queue.new
      step = run_step(timeout_ms: 100) do
        sleep 30
      ensure
        cleaned << true
      end

      expect(step).to include("state" => "error")
      expect(step["error"]).to include("error_code" => "timeout", "retryable" => true)
      expect(cleaned.pop(true)).to be(true)
    end

    it "is not swallowed by a bare rescue" do
      rescued = false
      step = run_step(timeout_ms: 100) do
        sleep 30
      rescue
        rescued = true
      end

      expect([step["state"], rescued]).to eq(["error", false])
    end

    it "breaks into a busy loop" do
      expect(run_step(timeout_ms: 100) { loop { 1 + 1 } }["error"]).to include("error_code" => "timeout")
    end

    it "wins over a result that comes late" do
      returned = Queue.new
      step = run_step(timeout_ms: 100) do
        sleep 30
      rescue TaskerCore::StepInterrupted
        returned << true
        { "late" => true }
      end

      expect(eventually { !returned.empty? }).to be(true)
      expect(step).to include("state" => "error", "result" => nil)
    end

    # The handler is deaf while it waits in Java, and returns before it could hear.
    it "that the handler never saw is not delivered to the next one" do
      returned = Queue.new
      deaf = lambda do |_|
        future = java.util.concurrent.CompletableFuture.new
        Thread.new { sleep(0.3) && future.complete(true) }
        future.join
        returned << true
        nil
      end

      expect(run_step(deaf, timeout_ms: 100)["error"]).to include("error_code" => "timeout")
      returned.pop
      10.times { expect(run_step { 1000.times { Thread.pass } && nil }).to include("state" => "complete") }
      expect(log.string).not_to include("StepInterrupted")
    end

    # Time-outs are aimed at the very moment in which the handler returns.
    it "never hits the next step on the same thread" do
      strayed = Queue.new
      coordinator.register_handler("brief") { |_| sleep 0.02 }
      coordinator.register_handler("next") do |_|
        100.times { Thread.pass }
        sleep 0.005
        {}
      rescue TaskerCore::StepInterrupted => e
        strayed << e
        raise
      end
      tasks = Array.new(30) do
        create_task([{ name: "a", handler: "brief", timeout_ms: 20, retry: { max_attempts: 1 } }, { name: "b", handler: "next" }])
      end
      tasks.map { |task_id| Thread.new { coordinator.orchestrate_task(task_id, timeout_ms: 20_000) } }.each(&:join)

      expect(tasks.map { |task_id| states(task_id)["b"] }.uniq).to eq(["complete"])
      expect(strayed).to be_empty
    end
  end

  # A thread inherits what its maker has masked.
  describe "a caller who lets no interruption through" do
    def masked(&block) = Thread.new { Thread.handle_interrupt(Exception => :never, &block) }.value

    it "has handlers interrupted all the same, on threads that start for it" do
      expect(eventually { handler_threads.empty? }).to be(true)
      ended = Queue.new
      coordinator.register_handler("sleeps") do |_|
        sleep 3
        ended << "asleep"
      rescue TaskerCore::StepInterrupted
        ended << "interrupted"
        raise
      end
      task_id = create_task([{ name: "a", handler: "sleeps", timeout_ms: 100, retry: { max_attempts: 1 } }])
      masked { coordinator.orchestrate_task(task_id, timeout_ms: 20_000) }

      expect(ended.pop).to eq("interrupted")
    end

    it "has the threads of a worker and of a subscriber hear what is raised into them" do
      other = TaskerCore.create_coordinator_with_config(configuration)
      masked { other.start_worker && other.subscribe("*") { |_| nil } }
      # What comes while a supervisor looks for a handler may end that look instead, and is told otherwise: so again, until it waits.
      heard = lambda do |name, words|
        eventually do
          Thread.list.find { |thread| thread.name == name }&.raise("astray")
          log.string.match?(/#{words}.*astray/)
        end
      end

      expect(heard.call("tasker-supervisor", "supervisor was interrupted")).to be(true)
      expect(heard.call("tasker-subscriber", "subscriber's thread was interrupted")).to be(true)
    ensure
      other&.close
    end
  end

  describe "cancelling a task" do
    it "interrupts its handler" do
      entered = Queue.new
      left = Queue.new
      coordinator.register_handler("waits") do |context|
        entered << context
        sleep 30
      rescue TaskerCore::StepInterrupted
        left << context.cancelled?
        raise
      end
      task_id = start([{ name: "a", handler: "waits" }])
      entered.pop
      coordinator.cancel_task(task_id, reason: "enough")

      expect(eventually { !left.empty? }).to be(true)
      expect(left.pop).to be(true)
      expect(states(task_id)).to eq("a" => "cancelled")
    end
  end

  describe "a handler thread" do
    it "that is killed by its handler ends the attempt and is replaced" do
      killed = nil
      step = run_step(retry_policy: { max_attempts: 2, base_ms: 1 }) do |context|
        unless context.retry?
          killed = Thread.current
          Thread.current.kill
        end
        { "on another" => Thread.current != killed }
      end

      expect(step).to include("state" => "complete", "attempts" => 2, "result" => { "on another" => true })
      expect(eventually { !killed.alive? }).to be(true)
    end

    it "that is killed from outside ends the attempt" do
      entered = Queue.new
      killer = Thread.new { entered.pop.kill }
      step = run_step { (entered << Thread.current) && sleep(30) }

      expect(step["error"]).to include("class" => "ThreadKill", "retryable" => true)
      killer.join
    end

    it "survives what others raise into it between two steps" do
      thread = nil
      run_step { (thread = Thread.current) && nil }
      sleep 0.1
      thread.raise("astray")

      expect(run_step { {} }).to include("state" => "complete")
      expect(eventually { log.string.include?("astray") }).to be(true)
      expect(thread).to be_alive
    end

    it "has a name, and is one of Ruby's" do
      seen = nil
      run_step { (seen = Thread.current) && nil }

      expect(seen.name).to match(/\Atasker-handler-\d+\z/)
      expect(Thread.list).to include(seen)
    end

    it "retires when there has been nothing to do for some seconds" do
      run_step { nil }

      expect(handler_threads).not_to be_empty
      expect(eventually { handler_threads.empty? }).to be(true)
      expect(run_step { nil }).to include("state" => "complete")
    end

    it "begins each step without the last one's $!" do
      seen = []
      2.times { run_step { (seen << $!) && raise("oops") } }

      expect(seen).to eq([nil, nil])
    end

    it "runs as many handlers at once as max_parallel_steps allows" do
      running = Concurrently.new
      coordinator.register_handler("overlaps") { |_| running.during { sleep 0.1 } && nil }
      other = TaskerCore.create_coordinator_with_config(configuration.merge(max_parallel_steps: 3))
      other.register_handler("overlaps") { |_| running.during { sleep 0.1 } && nil }
      steps = Array.new(9) { |i| { name: "s#{i}", handler: "overlaps" } }
      other.orchestrate_task(create_task(steps, on: other))

      expect(running.most).to eq(3)
    ensure
      other&.close
    end
  end

  describe "a handler that waits for another task" do
    it "lends its slot to it" do
      single = TaskerCore.create_coordinator_with_config(configuration.merge(max_parallel_steps: 1))
      single.register_handler("inner") { |_| { "n" => 1 } }
      inner = create_task([{ name: "a", handler: "inner" }], on: single)
      single.register_handler("outer") { |_| single.orchestrate_task(inner).to_h.slice("status") }
      outer = create_task([{ name: "a", handler: "outer" }], on: single)

      expect(single.orchestrate_task(outer, timeout_ms: 10_000)).to include("status" => "complete")
      expect(single.task_context(outer)["steps"].first["result"]).to eq("status" => "complete")
    ensure
      single&.close
    end
  end

  describe "a caller that waits for a task" do
    before do
      @began = Queue.new
      coordinator.register_handler("until told") { |_| (@began << true) && @gate.pop && nil }
    end

    let(:task_id) { create_task([{ name: "a", handler: "until told" }]) }

    it "is interrupted by Timeout within 100 ms or so" do
      started = now
      expect { Timeout.timeout(0.2) { coordinator.orchestrate_task(task_id) } }.to raise_error(Timeout::Error)

      expect(now - started).to be < 10
    end

    it "is interrupted by Thread#raise" do
      thread = Thread.new { coordinator.orchestrate_task(task_id) }
      thread.report_on_exception = false
      expect(eventually { states(task_id) == { "a" => "in_progress" } }).to be(true)
      thread.raise(ArgumentError, "stop")

      expect { thread.join(20) || raise("still there") }.to raise_error(ArgumentError, "stop")
    end

    it "is ended by Thread#kill, and what it ran is recorded" do
      thread = Thread.new { coordinator.orchestrate_task(task_id) }
      expect(eventually { !@began.empty? }).to be(true)
      thread.kill

      expect(thread.join(20)).to eq(thread)
      @gate << true
      expect(eventually { states(task_id) == { "a" => "complete" } }).to be(true)
    end

    it "goes on waiting when it is merely woken" do
      thread = Thread.new { coordinator.orchestrate_task(task_id) }
      expect(eventually { thread.status == "sleep" && states(task_id) == { "a" => "in_progress" } }).to be(true)
      5.times { thread.wakeup && sleep(0.01) }

      expect(thread.join(0.1)).to be_nil
      @gate << true
      expect(thread.value["status"]).to eq("complete")
    end
  end

  describe "a coordinator" do
    it "can be used by many threads at once" do
      coordinator.register_handler("echo", &:payload)
      steps = [{ name: "a", handler: "echo" }]
      results = Array.new(8) do |i|
        Thread.new { Array.new(5) { |j| coordinator.task_context(run_echo(steps, i * 10 + j))["steps"].first["result"]["n"] } }
      end
      expect(results.flat_map(&:value).sort).to eq((0..7).flat_map { |i| (0..4).map { |j| i * 10 + j } }.sort)
    end

    def run_echo(steps, number)
      create_task(steps, payload: { n: number }).tap { |task_id| coordinator.orchestrate_task(task_id) }
    end

    it "is closed when it is dropped, even if its handlers refer to it" do
      references = Array.new(5) { WeakRef.new(used_coordinator) }

      collected = eventually(20) do
        java.lang.System.gc
        references.count(&:weakref_alive?) <= 1 # one may still be on this thread's stack
      end
      expect(collected).to be(true)
    end

    def used_coordinator
      TaskerCore.create_coordinator_with_config(configuration).tap do |other|
        other.register_handler("refers") { |_| other && nil }
        other.orchestrate_task(create_task([{ name: "a", handler: "refers" }], on: other))
      end
    end
  end
end

# Counts how many are inside at once.
class Concurrently
  attr_reader :most

  def initialize
    @lock = Mutex.new
    @inside = @most = 0
  end

  def during
    @lock.synchronize { @most = [@most, @inside += 1].max }
    yield
  ensure
    @lock.synchronize { @inside -= 1 }
  end
end
