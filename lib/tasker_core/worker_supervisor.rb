# frozen_string_literal: true

module TaskerCore
  # The thread that does for one running worker what only Ruby can do: it starts handler threads, and looks for handlers
  # by their names, which may load code. It exists until the worker has stopped; if it is killed, another one takes
  # over.
  #
  # @api private
  module WorkerSupervisor
    # How long to wait, in seconds, between the end of one supervisor and the beginning of the next.
    PAUSE = 0.1
    private_constant :PAUSE

    class << self
      # Called by the core, once for each worker.
      #
      # @param worker [Native::Worker]
      def start(worker)
        Thread.new do
          Thread.current.name = "tasker-supervisor"
          Thread.current.report_on_exception = false
          # Otherwise the thread inherits what the thread that made it has masked.
          Thread.handle_interrupt(Exception => :immediate) { oversee(worker) }
        ensure
          start(worker) unless worker.stopped?
        end
      end

      private

      def oversee(worker)
        worker.oversee
      rescue StandardError => e
        Log.warn("a worker's supervisor was interrupted, another one takes over: #{Log.text(e)}")
        sleep PAUSE
      end
    end
  end
end
