# frozen_string_literal: true

module TaskerCore
  module RSpec
    module Matchers
      # What tasks hold has String keys; an expectation may be written with Symbols.
      #
      # @api private
      module StringKeys
        private

        def with_string_keys(value)
          case value
          when Hash then value.to_h { |key, one| [key.is_a?(Symbol) ? key.name : key, with_string_keys(one)] }
          when Array then value.map { |one| with_string_keys(one) }
          else value
          end
        end
      end
    end
  end
end
