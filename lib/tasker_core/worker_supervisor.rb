# frozen_string_literal: true

module TaskerCore
  # The thread that does for one running worker what only Ruby can: start handler threads, and look for handlers by their names,
  # which may load code. It is there until the worker has stopped; if it is killed, another one takes over.
  #
  # @api private
  module WorkerSupervisor
    # Between the end of one supervisor and the next one's beginning, in seconds.
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
          # Without it the thread inherits what its maker has masked.
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
