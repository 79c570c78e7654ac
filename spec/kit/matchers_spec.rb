# frozen_string_literal: true

require_relative "../support/kit"

RSpec.describe TaskerCore::RSpec::Matchers, :tasker_core do
  # A workflow of which charge has failed, so that ship waits for ever.
  let(:failed) do
    stub_handler("quote", { "total" => 240 })
    stub_handler("charge") { |context| raise context.attempt < 3 ? KitBusy.new("engaged") : TaskerCore::PermanentError.new("over the limit", error_code: "declined") }
    stub_handler("ship", {})
    tasker.register_template(
      name: "trip", version: "1.0.0",
      steps: [{ name: "quote", handler: "quote" }, { name: "charge", handler: "charge", depends_on: ["quote"] }, { name: "ship", handler: "ship", depends_on: ["charge"] }]
    )
    run_workflow("trip")
  end

  let(:completed) do
    failed
    stub_handler("charge", { "charge_id" => "ch_7", "items" => [{ "n" => 1 }] })
    run_workflow("trip")
  end

  before { stub_const("KitBusy", Class.new(StandardError)) }

  def expect_failure(message, &block)
    expect(&block).to raise_error(RSpec::Expectations::ExpectationNotMetError, message)
  end

  it "passes where what is said is so" do
    expect(completed).to have_completed.and have_step(:charge).with_attempts(1).with_result(charge_id: /\Ach_/, items: [{ n: 1 }])
    expect(completed).to have_step("quote").in_state(:complete).with_attempts(be < 3).with_result(include("total" => 240))
    expect(failed).to have_failed
    expect(failed).to have_failed.at(:charge).with_error(TaskerCore::PermanentError, /limit/, code: "declined", retryable: false)
    expect(failed).to have_failed.with_error(StandardError)
    expect(failed).to have_step(:charge).with_attempts(3).with_error("over the limit")
    expect(failed).to be_blocked_by(:charge)
  end

  it "passes where what is denied is not so" do
    expect(completed).not_to have_failed
    expect(completed).not_to be_blocked_by(:charge)
    expect(completed).not_to have_step(:nothing)
    expect(failed).not_to have_completed
    expect(failed).not_to have_step(:charge).with_attempts(2)
    expect(failed).not_to be_blocked_by(:charge, :ship)
    expect(failed).not_to have_failed.with_error(KitBusy)
    expect(failed).not_to have_failed.with_error(code: "other")
  end

  it "shows the task when it did not complete" do
    expect_failure(<<~TEXT.chomp) { expect(failed).to have_completed }
      expected task #{failed.task_id} to have completed, but it is error (blocked_by_failures)

      task #{failed.task_id}, default/trip 1.0.0: error (blocked_by_failures), 1 of 3 steps complete
        ✓ quote   complete           attempt 1 of 3  #{{ 'total' => 240 }.inspect}
        ✗ charge  error              attempt 3 of 3
            TaskerCore::PermanentError (declined), for good: over the limit
              #{failed.step(:charge)["error"]["backtrace"].grep(Regexp.new(Regexp.escape(__FILE__))).first}
        · ship    pending            the task ended in error; it cannot run, for charge has failed for good
    TEXT
  end

  it "says what a step was instead" do
    expect_failure(/\Aexpected task \d+ to have a step charge with 2 attempts in the state "complete", but it had 3 attempts, and it is error\n\ntask/) do
      expect(failed).to have_step(:charge).with_attempts(2).in_state("complete")
    end
    expect_failure(/to have a step charge with the result \{"charge_id" ?=> ?"ch_8"\}, but its result is \{"charge_id".*Diff:.*-.*ch_8.*\+.*ch_7/m) do
      expect(completed).to have_step(:charge).with_result(charge_id: "ch_8")
    end
    expect_failure(/to have a step charge with the error "declined", code "x", but the error is TaskerCore::PermanentError \(declined\): over the limit/) do
      expect(failed).to have_step(:charge).with_error("declined", code: "x")
    end
    expect_failure(/to have a step quote with the error KitBusy, but there is no error/) { expect(failed).to have_step(:quote).with_error(KitBusy) }
    expect_failure(/to have a step chrage, but it has none of that name; did you mean charge\?/) { expect(failed).to have_step(:chrage) }
    expect_failure(/to have a step refund, but it has only quote, charge, ship/) { expect(failed).to have_step(:refund) }
    expect_failure(/not to have a step ship, but it does/) { expect(failed).not_to have_step(:ship) }
  end

  it "says how it ended instead of failing" do
    expect_failure(/to have failed at ship, but it failed at charge/) { expect(failed).to have_failed.at(:ship) }
    expect_failure(/to have failed with the error KitBusy, but the error is TaskerCore::PermanentError/) { expect(failed).to have_failed.with_error(KitBusy) }
    expect_failure(/to have failed, but it is complete \(all_complete\)/) { expect(completed).to have_failed }
    expect_failure(/not to have failed, but it does/) { expect(failed).not_to have_failed }
  end

  it "says what blocks it instead" do
    expect_failure(/to be blocked by quote, ship, but it is blocked by charge/) { expect(failed).to be_blocked_by(:quote, :ship) }
    expect_failure(/to be blocked by charge, but it is complete/) { expect(completed).to be_blocked_by(:charge) }
  end

  it "says what became of an attempt instead" do
    ran = run_step { |_| { "n" => 1 } }
    busy = run_step { |_| raise TaskerCore::RetryableError.new("engaged", retry_after: 5) }

    expect_failure(/expected the step to have completed with the result \{"n" ?=> ?2\}, but its result is \{"n" ?=> ?1\}/) { expect(ran).to have_completed.with_result(n: 2) }
    expect_failure(/expected the step to be tried again, but it is complete/) { expect(ran).to be_tried_again }
    expect_failure(/the step to have failed, but it is waiting_for_retry: the error is TaskerCore::RetryableError: engaged/) { expect(busy).to have_failed }
    expect_failure(/the step to be tried again after 60 s with the error "x", but it waits 5\.0\d* s, and the error is/) { expect(busy).to be_tried_again.after(60).with_error("x") }
    expect_failure(/the step to have completed, but it is waiting_for_retry/) { expect(busy).to have_completed }
  end

  it "says which workflows a block has started" do
    failed
    expect { tasker.initialize_task(task_name: "trip", payload: { id: 7 }, tags: ["t"], priority: 3) }
      .to start_workflow(:trip).with_payload(id: 7).with_tags(["t"]).with_priority(3).in_namespace("default").once
    expect { tasker.initialize_task(task_name: "trip", payload: { items: [{ n: 1 }] }) }.to start_workflow.with_payload(items: [{ n: 1 }])
    expect { tasker.initialize_task(task_name: "trip") }.not_to start_workflow("other")

    expect_failure(/\Aexpected the block to start the workflow trip, but it started none\z/) { expect { nil }.to start_workflow(:trip) }
    expect_failure(/to start the workflow trip with the payload \{"id" ?=> ?8\}, but it started\n  default.trip with the payload \{"id" ?=> ?7\}/) do
      expect { tasker.initialize_task(task_name: "trip", payload: { id: 7 }) }.to start_workflow(:trip).with_payload(id: 8)
    end
    expect_failure(/not to start a workflow, but it started/) { expect { tasker.initialize_task(task_name: "trip") }.not_to start_workflow }
    expect_failure(/start the workflow trip 2 times/) { expect { tasker.initialize_task(task_name: "trip") }.to start_workflow(:trip).times(2) }
  end

  it "refuses what is no task, and what a matcher is not for" do
    expect { expect("task 7").to have_completed }.to raise_error(ArgumentError, /expected a task/)
    expect { expect(completed).to have_completed.with_result({}) }.to raise_error(ArgumentError, /have_step/)
    expect { expect(completed).to be_tried_again }.to raise_error(ArgumentError, /run_step/)
  end
end
