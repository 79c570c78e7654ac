# frozen_string_literal: true

require_relative "matchers/expected_error"
require_relative "matchers/string_keys"
require_relative "matchers/task_matcher"
require_relative "matchers/have_completed"
require_relative "matchers/have_failed"
require_relative "matchers/have_step"
require_relative "matchers/be_blocked_by"
require_relative "matchers/be_tried_again"
require_relative "matchers/start_workflow"

module TaskerCore
  module RSpec
    # What examples with +:tasker_core+ can expect of tasks: of what {Examples#run_workflow} and similar methods return,
    # of what {Coordinator#initialize_task} returned, and of a task's id. Values may be matchers, as everywhere in
    # RSpec; the keys of results may be Symbols.
    module Matchers
      # The task, or the step of a {StepRun}, is complete.
      #
      #   expect(run).to have_completed
      #   expect(run_step(ShipOrder)).to have_completed.with_result("tracking" => /\ADHL/)
      def have_completed = HaveCompleted.new

      # The task has ended in error, or the step of a {StepRun} for good.
      #
      #   expect(run).to have_failed.at(:charge).with_error(Gateway::Declined, /limit/)
      #   expect(run).to have_failed.with_error("the card was declined", code: "declined")
      def have_failed = HaveFailed.new

      # The task has a step, about which further expectations may follow.
      #
      #   expect(run).to have_step(:charge).with_attempts(3).with_result("charge_id" => "ch_7")
      #   expect(run).to have_step(:ship).in_state("pending")
      #   expect(run).to have_step(:charge).with_error(/declined/)
      #
      # @param name [String, Symbol]
      def have_step(name) = HaveStep.new(name)

      # The task cannot go on because these steps have failed, and no others.
      #
      #   expect(run).to be_blocked_by(:charge)
      #
      # @param names [Array<String, Symbol>]
      def be_blocked_by(*names) = BeBlockedBy.new(names)

      # The attempt has failed, and there is another one to come.
      #
      # The attempt has failed, and another one will follow.
      def be_tried_again = BeTriedAgain.new

      # The block creates a task.
      #
      #   expect { post "/orders", params: }.to start_workflow("process_order").with_payload(include("order_id" => 7))
      #
      # @param name [String, Symbol, nil] the template's; nil: any
      def start_workflow(name = nil) = StartWorkflow.new(name)
    end
  end
end
