# frozen_string_literal: true

module TaskerCore
  module Rails
    # A worker in a process that also does something else: it serves requests.
    #
    # 1. It begins in the background, with the process's own coordinator. So the server need not wait, and also serves
    #    while the database is away or has no schema; then the worker tries again to begin.
    # 2. It ends with the process or the servlet context: running handlers may take +shutdown_timeout_ms+ to end.
    #
    # @api private
    class EmbeddedWorker
      # Between two attempts to begin, in seconds.
      PAUSE = 5
      private_constant :PAUSE

      @lock = Mutex.new

      class << self
        # Starts the process's embedded worker.
        #
        # @return [nil]
        def start
          @lock.synchronize do
            return if @started

            @started = new
          end
          at_exit { stop }
          nil
        end

        # Stops it, if there is one; then another may be started.
        #
        # @return [nil]
        def stop
          started = @lock.synchronize { @started.tap { @started = nil } }
          started&.stop
          nil
        end
      end

      def initialize
        @lock = Mutex.new
        @stopping = ConditionVariable.new
        @thread = Thread.new { try_to_begin until begun_or_stopped? }
        @thread.name = "tasker-embedding"
      end

      def stop
        @lock.synchronize do
          @stopped = true
          @stopping.signal
        end
        @thread.join
        @worker&.stop
      end

      private

      def begun_or_stopped? = @lock.synchronize { @worker || @stopped }

      def try_to_begin
        worker = TaskerCore.start_worker
        @lock.synchronize { @worker = worker }
        Log.info("tasker_core #{VERSION} works in this process")
      rescue StandardError, ScriptError => e # also from the application's configuration or templates
        tell(e.is_a?(Error) ? e.message : Log.text(e))
        @lock.synchronize { @stopping.wait(@lock, PAUSE) unless @stopped }
      end

      # Logs a reason once, not at each attempt.
      def tell(reason)
        Log.error("tasker_core does not work in this process yet: #{reason}") unless reason == @told
        @told = reason
      end
    end
  end
end
