# frozen_string_literal: true

module TaskerCore
  module RSpec
    module Matchers
      # @see Matchers#have_failed
      class HaveFailed < TaskMatcher
        # The step that failed.
        #
        # @param step [String, Symbol]
        def at(step)
          @step = step.to_s
          self
        end

        # The error of that step, or of any failed step.
        #
        # @param expected [Class, String, Regexp, #matches?] the exception's class; a part of its message
        # @param fields [Hash] +code+ for the error code, and other keys of the stored error
        def with_error(*expected, **fields)
          @error = ExpectedError.new(expected, fields)
          self
        end

        def description = "have failed#{" at #{@step}" if @step}#{" with the error #{@error}" if @error}"

        private

        def problems_of(context)
          return ["it is #{run.state}#{": #{shown(run.error)}" if run.error}"] if run.is_a?(StepRun) && run.state != "error"
          return [ended(context)] if !run.is_a?(StepRun) && context["status"] != "error"

          step_problems(context["steps"].select { |step| step["state"] == "error" })
        end

        def step_problems(failed)
          here = @step ? failed.select { |step| step["name"] == @step } : failed
          return ["it failed at #{failed.map { |step| step['name'] }.join(', ')}"] if here.empty?
          return [] if @error.nil? || here.any? { |step| @error.match?(step["error"], run.exception_of(step["name"])) }

          here.map { |step| shown(step["error"]) }
        end
      end
    end
  end
end
