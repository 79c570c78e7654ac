# frozen_string_literal: true

module TaskerCore
  module RSpec
    # The surroundings of one example, from its beginning to its end. While it lasts, its coordinator is the process's
    # own: {TaskerCore.initialize_task} and all other methods of the module go to it.
    #
    # @api private
    class Session
      # Tasks were started in a transaction that is still open, so that nobody can run them.
      class OpenTransaction < StandardError
        def initialize(count)
          super("#{count} #{count == 1 ? 'task was' : 'tasks were'} started in a transaction that is still open, so nothing can run #{count == 1 ? 'it' : 'them'}: " \
                "let the example commit. Where Rails wraps it in a transaction, switch that off for it: self.use_transactional_tests = false")
        end
      end

      class << self
        # @return [Session, nil] the session of the example that runs
        attr_reader :current

        # @return what the block returns
        def during
          session = new(TaskerCore::RSpec.stage)
          @current = session
          session.begin
          yield
        ensure
          @current = nil
          session&.end
        end

        # @raise [ArgumentError] outside of an example that has a session
        def current!
          current || raise(ArgumentError, "this is for examples with :tasker_core, as in describe \"Orders\", :tasker_core do")
        end
      end

      attr_reader :stage, :native, :journal, :coordinator, :handlers

      def initialize(stage)
        @stage = stage
        @scope = Scope.new
        @journal = Journal.new
        @handlers = ExampleHandlers.new(@scope, @journal)
        @coordinator = Coordinator.new({}, handlers: @handlers) do |handlers|
          @native = stage.native(handlers, @scope, @journal)
        end
      end

      # @return [Array<WorkflowRun>] the tasks that were made here, in order. A task does not count if its transaction
      #   was rolled back, or is still open
      #
      # @raise [OpenTransaction] if some were made in a transaction that is still open: nobody can run these
      def tasks = existing(@journal.task_ids)

      # @param task_ids [Array<Integer>]
      # @return [Array<WorkflowRun>]
      def existing(task_ids)
        runs = task_ids.map { |task_id| WorkflowRun.new(self, task_id) }
        there = runs.select(&:exist?)
        refuse_open_transactions(task_ids - there.map(&:task_id)) if there.size < runs.size
        there
      end

      def begin = @before = TaskerCore.swap_coordinator(@coordinator)

      # Moves the clock forward. Whatever becomes due on the way has happened when this returns.
      #
      # @param seconds [Numeric]
      def pass(seconds) = stage.clock.advance((seconds.to_f * 1_000).ceil)

      # @param time [Time]
      def pass_until(time)
        seconds = time - stage.now
        pass(seconds) if seconds.positive?
      end

      def end
        TaskerCore.swap_coordinator(@before)
        @coordinator.close
        @stage.clear(@scope)
        @journal.raise_failed_expectation
      end

      private

      # Those that others do not see, and the connection that made them does, were not rolled back.
      def refuse_open_transactions(task_ids)
        open = @journal.by_connection(task_ids).sum { |connection, ids| seen_by(connection, ids).size }
        raise OpenTransaction.new(open) if open.positive?
      end

      def seen_by(connection, task_ids)
        @native.seen_by(connection, task_ids)
      rescue Error # it is closed, or has failed: nothing of it will be committed
        []
      end
    end
  end
end
