# frozen_string_literal: true

module TaskerCore
  module RSpec
    # What an example's handlers raised, and which tasks were made: facts that the database does not have, or not in
    # this form.
    #
    # @api private
    class Journal
      def initialize
        @lock = Mutex.new
        @raised = {}
        @failed_expectation = nil
        @created = []
        @connections = {}
      end

      # @param error [Exception] raised by an attempt
      def raised(step_id, error)
        @lock.synchronize do
          @raised[step_id] = error
          @failed_expectation ||= error if expectation?(error)
        end
      end

      # @return [Exception, nil] the exception of the last attempt at a step that raised one
      def exception_of(step_id) = @lock.synchronize { @raised[step_id] }

      # Comes before an attempt of which only its own exception matters.
      def forget(step_id) = @lock.synchronize { @raised.delete(step_id) }

      # An expectation that fails inside a handler fails the example, not only the step.
      def raise_failed_expectation
        failed = @lock.synchronize { @failed_expectation.tap { @failed_expectation = nil } }
        raise failed if failed
      end

      # @param connection [java.sql.Connection, nil] whose transaction has made the task, where it was lent
      def created(task_id, connection = nil)
        @lock.synchronize do
          @created << task_id
          @connections[task_id] = connection if connection
        end
      end

      # @return [Hash{java.sql.Connection => Array<Integer>}] those of the tasks that were made on lent connections
      def by_connection(task_ids)
        @lock.synchronize { task_ids.select { |id| @connections[id] }.group_by { |id| @connections[id] } }
      end

      def not_created(task_id) = @lock.synchronize { @created.delete(task_id) }

      # @return [Array<Integer>] the tasks that the example and the code under test have made, in order
      def task_ids = @lock.synchronize { @created.dup }

      private

      def expectation?(error)
        error.is_a?(::RSpec::Expectations::ExpectationNotMetError) ||
          (defined?(::RSpec::Mocks::MockExpectationError) && error.is_a?(::RSpec::Mocks::MockExpectationError))
      end
    end
  end
end
