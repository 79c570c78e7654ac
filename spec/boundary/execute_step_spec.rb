# frozen_string_literal: true

require "timeout"
require_relative "../support/workflows"

RSpec.describe "TaskerCore::Coordinator#execute_step" do
  include Workflows

  before(:all) do
    @coordinator.register_handler("plain") { |context| { "n" => context.payload["n"] } }
    @coordinator.register_handler("fails") { |_| raise "oops" }
  end

  before { @gate = Queue.new }
  after { @gate.close }

  def steps(task_id) = coordinator.task_context(task_id)["steps"]

  def step_id(task_id, number = 0) = steps(task_id)[number]["step_id"]

  def refusal(step_id)
    coordinator.execute_step(step_id: step_id)
    raise "it was not refused"
  rescue TaskerCore::StateError => e
    e.message
  end

  it "runs one step, and leaves its children to others" do
    task_id = create_task([{ name: "a", handler: "plain" }, { name: "b", handler: "plain", depends_on: ["a"] }], payload: { n: 7 })
    outcome = coordinator.execute_step("step_id" => step_id(task_id))

    expect(outcome).to be_a(TaskerCore::Result)
    expect(outcome).to include("task_id" => task_id, "step_id" => step_id(task_id), "name" => "a", "handler" => "plain",
                               "state" => "complete", "task_status" => "in_progress", "attempts" => 1, "max_attempts" => 3,
                               "result" => { "n" => 7 }, "error" => nil, "next_run_at" => nil)
    expect(outcome.duration_ms).to be_a(Float)
    expect(outcome.started_at).to match(/\A\d{4}-.*Z\z/)
    expect(steps(task_id).map { |step| step["state"] }).to eq(%w[complete enqueued])

    expect(coordinator.execute_step(steps(task_id).last)).to include("state" => "complete", "task_status" => "complete")
  end

  it "reports a failure with the time of the next attempt, and the last one's for good" do
    task_id = create_task([{ name: "a", handler: "fails", retry: { max_attempts: 2, base_ms: 1000, jitter: 0 } }])
    id = step_id(task_id)
    outcome = coordinator.execute_step(step_id: id)

    expect(outcome).to include("state" => "waiting_for_retry", "attempts" => 1, "next_run_at" => /Z\z/)
    expect(outcome.dig("error", "message")).to eq("oops")
    expect(refusal(id)).to match(/\AStep #{id} \(a\) cannot be executed now: attempt 1 of 2 failed; the next one may begin at /)
    sleep 0.01 while coordinator.explain(task_id)["steps"].first["reason"] == "backing_off"
    expect(coordinator.execute_step(step_id: id)).to include("state" => "error", "attempts" => 2, "task_status" => "error")
    expect(refusal(id)).to include("it has failed for good; retry_step")

    coordinator.retry_step(id)
    expect(coordinator.execute_step(step_id: id)).to include("state" => "error", "attempts" => 3)
  end

  it "says why it can't run now" do
    task_id = create_task([{ name: "a", handler: "waits" }, { name: "b", handler: "plain", depends_on: ["a"] }])
    first, second = steps(task_id).map { |step| step["step_id"] }
    expect(refusal(second)).to eq("Step #{second} (b) cannot be executed now: waits for a (enqueued)")
    expect(refusal(first)).to end_with("this process has no handler named waits")

    coordinator.register_handler("waits") { |_| @gate.pop && nil }
    running = Thread.new { coordinator.execute_step(step_id: first) }
    expect(eventually { steps(task_id).first["state"] == "in_progress" }).to be(true)
    expect(refusal(first)).to match(/it is running, attempt 1 of 3 since .* in process \d+ on /)
    @gate << true
    expect(running.value).to include("state" => "complete")
    expect(refusal(first)).to end_with("it is complete")
    expect { coordinator.execute_step(step_id: second, task_id: task_id, step: "a") }.to raise_error(TaskerCore::InvalidTypeError, /step_id must be nil/)

    coordinator.cancel_task(task_id, reason: "r")
    expect(refusal(second)).to end_with("it was cancelled")
  end

  it "does not run what is not due" do
    name = coordinator.task_context(create_task([{ name: "a", handler: "plain" }]))["name"]
    task_id = coordinator.initialize_task(task_name: name, run_at: Time.now + 3600).task_id

    expect(refusal(step_id(task_id))).to match(/now: may begin at \d{4}-/)
    expect(steps(task_id).first).to include("state" => "enqueued", "attempts" => 0)
  end

  it "wins or loses against others who want the same step, never both" do
    ran = Queue.new
    coordinator.register_handler("counted") { |_| (ran << true) && sleep(0.05) && nil }
    ids = Array.new(5) { step_id(create_task([{ name: "a", handler: "counted" }])) }
    outcomes = ids.flat_map { |id| Array.new(4) { Thread.new { outcome_or_refusal(id) } } }.map(&:value)

    expect(outcomes.count("complete")).to eq(5)
    expect(ran.size).to eq(5)
    expect(outcomes - ["complete"]).to all(match(/it is running|it is complete|somebody else/))
  end

  def outcome_or_refusal(id)
    coordinator.execute_step(step_id: id)["state"]
  rescue TaskerCore::StateError => e
    e.message
  end

  it "lends its slot when a handler calls it" do
    single = TaskerCore.create_coordinator_with_config(configuration.merge(max_parallel_steps: 1))
    single.register_handler("plain") { |_| { "n" => 1 } }
    inner = step_id(create_task([{ name: "a", handler: "plain" }], on: single))
    single.register_handler("outer") { |_| single.execute_step(step_id: inner).to_h.slice("state") }
    outer = step_id(create_task([{ name: "a", handler: "outer" }], on: single))

    expect(Timeout.timeout(10) { single.execute_step(step_id: outer) }).to include("result" => { "state" => "complete" })
  ensure
    single&.close
  end

  it "can be left by Timeout; the handler goes on and is recorded" do
    coordinator.register_handler("slow to end") { |_| @gate.pop && nil }
    task_id = create_task([{ name: "a", handler: "slow to end" }])
    started = now
    expect { Timeout.timeout(1) { coordinator.execute_step(step_id: step_id(task_id)) } }.to raise_error(Timeout::Error)

    expect(now - started).to be < 10
    @gate << true
    expect(eventually { steps(task_id).first["state"] == "complete" }).to be(true)
  end

  it "refuses what is no step" do
    [nil, 5, "5", [], :step].each do |wrong|
      expect { coordinator.execute_step(wrong) }.to raise_error(TaskerCore::InvalidTypeError, /step must be a Hash/)
    end
    expect { coordinator.execute_step({}) }.to raise_error(TaskerCore::ValidationError, "step_id: is required")
    expect { coordinator.execute_step(step_id: "5") }.to raise_error(TaskerCore::ValidationError, /step_id: must be an Integer/)
    [-1, 0, 2**63 - 1, 2**70].each do |id|
      expect { coordinator.execute_step(step_id: id) }.to raise_error(TaskerCore::StepNotFoundError, "Step not found: #{id}")
    end
  end
end
