# frozen_string_literal: true

module TaskerCore
  module RSpec
    module Matchers
      # @see Matchers#be_blocked_by
      class BeBlockedBy < TaskMatcher
        def initialize(names)
          super()
          @names = names.flatten.map(&:to_s)
        end

        def description = "be blocked by #{@names.join(', ')}"

        private

        def problems_of(context)
          return [ended(context)] unless context["execution_status"] == "blocked_by_failures"

          failed = context["steps"].select { |step| step["state"] == "error" }.map { |step| step["name"] }
          failed.sort == @names.sort ? [] : ["it is blocked by #{failed.join(', ')}"]
        end
      end
    end
  end
end
