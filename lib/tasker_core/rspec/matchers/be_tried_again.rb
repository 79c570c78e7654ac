# frozen_string_literal: true

module TaskerCore
  module RSpec
    module Matchers
      # @see Matchers#be_tried_again
      class BeTriedAgain < TaskMatcher
        # By how much a delay may differ from the expected one: the default jitter.
        JITTER = 0.1
        private_constant :JITTER

        # How long the next attempt waits.
        #
        # @param seconds [Numeric, #matches?] for a number, the wait may differ from it by the default jitter
        def after(seconds)
          @after = seconds
          self
        end

        # @param expected as in {HaveFailed#with_error}
        def with_error(*expected, **fields)
          @error = ExpectedError.new(expected, fields)
          self
        end

        def description
          ["be tried again", *("after #{@after.is_a?(Numeric) ? "#{@after} s" : description_of(@after)}" if @after),
           *("with the error #{@error}" if @error)].join(" ")
        end

        private

        def problems_of(_context)
          raise ArgumentError, "be_tried_again is for run_step; of a task, say have_step(:name).in_state(\"waiting_for_retry\")" unless run.is_a?(StepRun)
          return ["it is #{run.state}#{": #{shown(run.error)}" if run.error}"] unless run.state == "waiting_for_retry"

          [*("it waits #{run.next_attempt_in} s" unless @after.nil? || waits_so_long?),
           *(shown(run.error) unless @error.nil? || @error.match?(run.error, run.exception))]
        end

        def waits_so_long?
          return values_match?(@after, run.next_attempt_in) unless @after.is_a?(Numeric)

          (run.next_attempt_in - @after).abs <= (@after * JITTER) + 0.001
        end
      end
    end
  end
end
