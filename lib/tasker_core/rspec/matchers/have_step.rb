# frozen_string_literal: true

module TaskerCore
  module RSpec
    module Matchers
      # @see Matchers#have_step
      class HaveStep < TaskMatcher
        def initialize(name)
          super()
          @name = name.to_s
          @expectations = {}
        end

        # @param count [Integer, #matches?]
        def with_attempts(count) = expecting(:attempts, count)

        # @param result [Hash, #matches?]
        def with_result(result) = expecting(:result, with_string_keys(result))

        # @param state [String, Symbol] any of docs/manual.md's
        def in_state(state) = expecting(:state, state.is_a?(Symbol) ? state.name : state)

        # @param expected as in {HaveFailed#with_error}
        def with_error(*expected, **fields) = expecting(:error, ExpectedError.new(expected, fields))

        def description = ["have a step #{@name}", *@expectations.map { |about, expected| phrase(about, expected) }].join(" ")

        # The value that RSpec compares in its diff.
        def expected = @expectations[:result]

        # @return [Hash, nil]
        def actual = step_of(run.context)&.fetch("result")

        def diffable? = @expectations.key?(:result) && expected.is_a?(Hash) && actual.is_a?(Hash) && !matching?(:result, step_of(run.context))

        private

        def expecting(about, expected)
          @expectations[about] = expected
          self
        end

        def phrase(about, expected)
          case about
          when :attempts then "with #{expected.is_a?(Integer) ? counted(expected, 'attempt') : "attempts #{description_of(expected)}"}"
          when :result then "with the result #{description_of(expected)}"
          when :state then "in the state #{description_of(expected)}"
          else "with the error #{expected}"
          end
        end

        def step_of(context) = context["steps"].find { |step| step["name"] == @name }

        def problems_of(context)
          step = step_of(context)
          return [no_step(context["steps"].map { |one| one["name"] })] unless step

          @expectations.keys.reject { |about| matching?(about, step) }.map { |about| problem(about, step) }
        end

        def no_step(names)
          near = DidYouMean::SpellChecker.new(dictionary: names).correct(@name).first
          near ? "it has none of that name; did you mean #{near}?" : "it has only #{names.join(', ')}"
        end

        def matching?(about, step)
          expected = @expectations[about]
          about == :error ? expected.match?(step["error"], run.exception_of(@name)) : values_match?(expected, step[about.name])
        end

        def problem(about, step)
          case about
          when :attempts then "it had #{counted(step['attempts'], 'attempt')}"
          when :result then "its result is #{step['result'].inspect}"
          when :state then "it is #{step['state']}"
          else shown(step["error"])
          end
        end
      end
    end
  end
end
