# frozen_string_literal: true

require_relative "../support/kit"

# One attempt at one step, as the core makes it.
RSpec.describe "run_step", :tasker_core do
  let(:charge) do
    Class.new(TaskerCore::StepHandler) do
      def call(context)
        raise TaskerCore::RetryableError.new("engaged", retry_after: 5) unless context.retry?
        raise TaskerCore::PermanentError.new("declined", error_code: "declined", context: { "n" => 1 }) if context.payload["amount"] > 100

        success(result: { charged: context.payload["amount"], customer: context.result_of("order")["customer"] })
      end
    end
  end

  it "gives the handler its context, and its result to others, as JSON has them" do
    ran = run_step(payload: { amount: 12, at: Time.utc(2026, 1, 2) }, results: { order: { customer: :ada } }, config: { limit: 5 },
                   attempt: 2, max_attempts: 7, step_name: :charge, namespace: "shop", task_name: "order", correlation_id: "c-1") do |context|
      %w[payload results config attempt max_attempts step_name namespace task_name correlation_id].to_h { |name| [name, context.public_send(name)] }
                                                                                               .merge(last: context.last_attempt?)
    end

    expect(ran).to have_completed.with_result(
      payload: { amount: 12, at: "2026-01-02T00:00:00.000Z" }, results: { order: { customer: "ada" } }, config: { limit: 5 },
      attempt: 2, max_attempts: 7, step_name: "charge", namespace: "shop", task_name: "order", correlation_id: "c-1", last: false
    )
  end

  it "takes classes, objects and names" do
    stub_const("KitNamed", charge)
    stub_handler("kit.stub", { "stub" => true })
    expect(run_step(charge, payload: { amount: 5 }, results: { order: { customer: 1 } }, attempt: 2)).to have_completed.with_result(charged: 5, customer: 1)
    expect(run_step(charge.new, payload: { amount: 5 }, attempt: 1)).to be_tried_again
    expect(run_step("KitNamed", payload: { amount: 5 }, attempt: 1)).to be_tried_again
    expect(run_step("kit.stub")).to have_completed.with_result("stub" => true)
    expect { run_step("KitNowhere") }.to raise_error(ArgumentError, "there is no handler KitNowhere")
  end

  it "tells a failure that is tried again, and when" do
    ran = run_step(charge, payload: { amount: 5 })

    expect(ran).to be_tried_again.after(5).with_error(TaskerCore::RetryableError, "engaged")
    expect(ran.next_attempt_in).to be_within(0.002).of(5)
    expect(ran.exception).to be_a(TaskerCore::RetryableError)
    expect(ran).not_to have_failed
    expect(ran).not_to have_completed
  end

  it "tells a failure for good, by itself or because it was the last attempt" do
    expect(run_step(charge, payload: { amount: 500 }, attempt: 2)).to have_failed.with_error("declined", code: "declined", context: { "n" => 1 })
    ran = run_step(max_attempts: 2, attempt: 2) { |context| raise "last: #{context.last_attempt?}" }
    expect(ran).to have_failed.with_error(RuntimeError, /\Alast: true\z/)
  end

  it "fails as in production on what has no JSON form, or is no result at all" do
    expect(run_step { |_| { items: [{ price: Float::NAN }] } }).to have_failed.with_error(TaskerCore::ValidationError, /result\.items\[0\]\.price/)
    expect(run_step { |_| "done" }).to have_failed.with_error(TaskerCore::InvalidTypeError, /returned an instance of String/)
    expect { run_step(payload: { x: Object.new }) { |_| {} } }.to raise_error(TaskerCore::ValidationError, /payload\.x/)
  end

  it "interrupts what takes too long" do
    expect(run_step(timeout_ms: 1_000) { |_| pass_time(2) }).to be_tried_again.with_error(code: "timeout")
    expect(run_step(timeout_ms: 50) { |_| sleep }).to be_tried_again.with_error(code: "timeout")
  end

  it "follows the policy between attempts, without waiting" do
    ran = run_step(charge, payload: { amount: 5 }, results: { order: { customer: 1 } }, attempt: 6, retry_policy: { base_ms: 3_600_000, max_ms: 86_400_000 })

    expect(ran).to have_completed
    expect(workflow_time - Time.now).to be > 3_600 * 24
  end

  it "hands out no exception but the handler's own" do
    expect(run_step(attempt: 3) { |_| {} }.exception).to be_nil
    refused = Class.new(TaskerCore::StepHandler) { def call(_context) = failure(message: "no") }
    expect(run_step(refused, attempt: 2).exception).to be_nil
    expect(run_step(attempt: 2) { |_| raise KeyError, "mine" }.exception).to be_a(KeyError)
  end

  it "takes keys as Strings and Symbols" do
    expect(run_step(retry_policy: { "max_attempts" => 1 }) { |_| raise "no" }).to have_failed
    expect(run_step("payload" => { "n" => 1 }, "task_name" => "mine") { |context| { n: context.payload["n"], name: context.task_name } })
      .to have_completed.with_result(n: 1, name: "mine")
  end

  it "asks for a handler" do
    expect { run_step(payload: {}) }.to raise_error(ArgumentError, /a handler or a block/)
  end

  it "is no task that the code under test has created" do
    expect { run_step { |_| {} } }.not_to start_workflow
    expect(created_tasks).to eq([])
  end
end
