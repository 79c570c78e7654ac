# frozen_string_literal: true

module TaskerCore
  # The threads on which handlers run. They are Ruby's own, serve all coordinators, start when the core misses some, and retire
  # when there has been nothing to do for a few seconds.
  #
  # @api private
  module HandlerThreads
    @lock = Mutex.new
    @started = 0

    class << self
      # Called by the core, once for each thread that it misses.
      def start
        start_numbered(@lock.synchronize { @started += 1 })
      end

      # Closes at exit what the application left open. Asked for with each coordinator, registered once, and again for
      # coordinators that are made while the process exits, as test runners do.
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
          # Without it the thread inherits what its maker has masked.
          Thread.handle_interrupt(Exception => :immediate) { Native.work }
        end
      end
    end
  end
end
