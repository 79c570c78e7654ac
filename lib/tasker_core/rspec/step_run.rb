# frozen_string_literal: true

require "time"

module TaskerCore
  module RSpec
    # The result of one attempt at one step; {Examples#run_step} makes it.
    class StepRun < WorkflowRun
      # @api private
      def initialize(session, task_id, step_name)
        super(session, task_id)
        @step_name = step_name
      end

      # @return [String] +complete+, +error+, or +waiting_for_retry+ if it failed and would be tried again
      def state = only["state"]

      # @return [Hash, nil] the result as other steps read it, with String keys
      def result = only["result"]

      # @return [Hash, nil] +class, message, error_code, retryable, context, backtrace+ of the failure, as it is stored
      def error = only["error"]

      # @return [Exception, nil] the very exception that the handler raised
      def exception = exception_of(@step_name)

      # @return [Float, nil] how many seconds the next attempt would wait; nil if there is none
      def next_attempt_in
        scheduled = context["transitions"].reverse.find { |change| change["to_state"] == "waiting_for_retry" }
        due = only["next_run_at"]
        Time.iso8601(due) - Time.iso8601(scheduled["at"]) if due && scheduled
      end

      # @return [Hash] the step, as the task's context has it
      def only = step(@step_name)

      # @return [String]
      def inspect = "#<#{self.class.name} #{state}>"
    end
  end
end
