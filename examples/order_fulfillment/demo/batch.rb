# frozen_string_literal: true

require_relative "order_run"

module Fulfillment
  module Demo
    # Some orders, created together in one transaction and run at once, each by a thread that calls handle_task and waits.
    class Batch
      # Between two looks at the database.
      PAUSE = 0.08

      attr_reader :runs

      # @param orders [Array<Array(Hash, String)>] requests, and the status in which each ought to end
      def initialize(coordinator, orders)
        @coordinator = coordinator
        created = coordinator.initialize_tasks(orders.map(&:first))
        @runs = orders.zip(created).map { |(request, expected), task| OrderRun.new(request, expected, task.task_id).look(coordinator) }
        @began = monotonic
      end

      # @yield after each look, until all orders have ended
      # @return [Array<TaskerCore::Result>] what handle_task returned for each
      def run
        threads = runs.map { |run| handle(run) }
        while threads.any?(&:alive?)
          look
          yield
          sleep PAUSE
        end
        results = threads.map(&:value)
        look
        yield
        results
      end

      def started_at = @started_at ||= runs.map(&:created_at).min

      # Now, by the database's clock.
      def now = started_at + (monotonic - @began)

      # @return [Float] seconds since the start; at the end, how long it all took
      def elapsed
        ends = runs.map(&:completed_at)
        (ends.all? ? ends.max : now) - started_at
      end

      private

      def look = runs.reject(&:ended?).each { |run| run.look(@coordinator) }

      def handle(run)
        Thread.new do
          Thread.current.report_on_exception = false # it is raised again by #value
          @coordinator.handle_task(run.task_id)
        end
      end

      def monotonic = Process.clock_gettime(Process::CLOCK_MONOTONIC)
    end
  end
end
