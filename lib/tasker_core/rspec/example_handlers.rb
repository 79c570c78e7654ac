# frozen_string_literal: true

module TaskerCore
  module RSpec
    # The handlers of one example. The core knows them by marked names, so it asks for no other example's handlers. The
    # handlers see their own names.
    #
    # @api private
    class ExampleHandlers < HandlerRegistry
      # A handler whose exceptions the journal records.
      class Observed
        attr_reader :handler

        def initialize(handler, scope, journal)
          @handler = handler
          @scope = scope
          @journal = journal
        end

        def call(context)
          handler = @handler.is_a?(Class) ? @handler.new : @handler
          handler.call(ExampleContext.new(context, @scope))
        rescue Exception => e # rubocop:disable Lint/RescueException -- a failed expectation is no StandardError
          @journal.raised(context.step_id, e)
          raise
        end
      end
      private_constant :Observed

      # A handler's context, with the namespace as the application knows it.
      class ExampleContext < StepContext
        def initialize(context, scope)
          super(context.native_attempt)
          @scope = scope
        end

        # @return [String]
        def namespace = @scope.strip(super)
      end
      private_constant :ExampleContext

      def initialize(scope, journal)
        super()
        @scope = scope
        @journal = journal
      end

      # @param name [String] as the core knows it
      def find(name)
        handler = super(@scope.strip(name)) if @scope.marked?(name)
        handler && Observed.new(handler, @scope, @journal)
      end

      # @param name [String] as the application knows it
      # @return [Class, #call, nil] nil if there is none
      def named(name) = find(@scope.mark(name))&.handler
    end
  end
end
