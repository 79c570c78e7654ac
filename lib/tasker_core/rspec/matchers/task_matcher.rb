# frozen_string_literal: true

module TaskerCore
  module RSpec
    module Matchers
      # What all matchers of tasks have in common. A matcher collects what is wrong, in words that complete "expected … to …, but".
      #
      # @api private
      class TaskMatcher
        include ::RSpec::Matchers::Composable
        include StringKeys

        def matches?(task)
          @run = WorkflowRun.of(task)
          problems.empty?
        end

        def does_not_match?(task) = !matches?(task)

        def failure_message = "expected #{subject} to #{description}, but #{problems.join(', and ')}\n\n#{@run.report}"

        def failure_message_when_negated = "expected #{subject} not to #{description}, but it does\n\n#{@run.report}"

        private

        attr_reader :run

        # Not memoized: a compound expectation with a block may change the task between two looks.
        def problems = problems_of(run.context)

        def subject = run.is_a?(StepRun) ? "the step" : "task #{run.task_id}"

        def counted(count, noun) = "#{count} #{noun}#{'s' unless count == 1}"

        def shown(error)
          return "there is no error" unless error

          code = error["error_code"] && " (#{error['error_code']})"
          "the error is #{error['class']}#{code}: #{error['message']}"
        end

        def ended(context)
          "it is #{context['status']} (#{context['execution_status']})"
        end
      end
    end
  end
end
