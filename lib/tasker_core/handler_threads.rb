# frozen_string_literal: true

module TaskerCore
  # The threads on which handlers run. They are Ruby's own threads, serve all coordinators, start when the core is
  # missing some, and retire when there has been nothing to do for a few seconds.
  #
  # @api private
  module HandlerThreads
    @lock = Mutex.new
    @started = 0

    class << self
      # Called by the core, once for each thread that it is missing.
      def start
        start_numbered(@lock.synchronize { @started += 1 })
      end

      # Closes at exit whatever the application left open. Each coordinator asks for this. It is registered once, and
      # once more for coordinators that are made while the process exits, as test runners do.
      def stop_at_exit
        @lock.synchronize do
          return if @at_exit

          @at_exit = true
        end
        at_exit do
          @lock.synchronize { @at_exit = false }
          Native.shut_down
        end
      end

      private

      # A method of its own: a thread keeps alive what its block can see.
      def start_numbered(number)
        Thread.new do
          Thread.current.name = "tasker-handler-#{number}"
          Thread.current.report_on_exception = false
          # Otherwise the thread inherits what the thread that made it has masked.
          Thread.handle_interrupt(Exception => :immediate) { Native.work }
        end
      end
    end
  end
end
