# frozen_string_literal: true

module TaskerCore
  module RSpec
    module Matchers
      # @see Matchers#have_completed
      class HaveCompleted < TaskMatcher
        # The result of a {StepRun}'s step.
        #
        # @param result [Hash, #matches?]
        def with_result(result)
          @result = with_string_keys(result)
          @has_result = true
          self
        end

        def description = "have completed#{" with the result #{description_of(@result)}" if @has_result}"

        private

        def problems_of(context)
          return result_problems(context) if @has_result
          return [] if run.is_a?(StepRun) ? run.state == "complete" : context["status"] == "complete"

          [run.is_a?(StepRun) ? "it is #{run.state}: #{shown(run.error)}" : ended(context)]
        end

        def result_problems(_context)
          raise ArgumentError, "have_completed.with_result is for run_step; of a task, say have_step(:name).with_result" unless run.is_a?(StepRun)
          return ["it is #{run.state}: #{shown(run.error)}"] unless run.state == "complete"

          values_match?(@result, run.result) ? [] : ["its result is #{run.result.inspect}"]
        end
      end
    end
  end
end
