# frozen_string_literal: true

module TaskerCore
  module RSpec
    module Matchers
      # What an example says of a step's error: its class, its message, its code.
      #
      # @api private
      class ExpectedError
        include ::RSpec::Matchers::Composable

        # @param expected [Array<Class, String, Regexp, #matches?>] classes are of the exception; all others are about
        #   its message
        # @param fields [Hash] +code+, or any key of the stored error
        def initialize(expected, fields)
          @expected = expected
          @fields = fields.transform_keys { |key| key.to_s == "code" ? "error_code" : key.to_s }
        end

        # @param error [Hash, nil] as it is stored with the step
        # @param exception [Exception, nil] the one that the handler raised
        def match?(error, exception)
          return false unless error

          @expected.all? { |one| one?(one, error, exception) } && @fields.all? { |key, value| values_match?(value, error[key]) }
        end

        def to_s
          fields = @fields.map { |key, value| "#{key.delete_prefix('error_')} #{description_of(value)}" }
          [*@expected.map { |one| one.is_a?(Module) ? one.name : description_of(one) }, *fields].join(", ")
        end

        private

        def one?(expected, error, exception)
          case expected
          when Module then error["class"] == expected.name || (error["class"] == exception&.class&.name && exception.is_a?(expected))
          when String then error["message"].to_s.include?(expected)
          else values_match?(expected, error["message"])
          end
        end
      end
    end
  end
end
