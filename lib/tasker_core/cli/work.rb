# frozen_string_literal: true

module TaskerCore
  module CLI
    # +tasker work+: a worker on the process's own coordinator, which obeys signals.
    #
    # 1. It loads the application, which registers its templates and handlers.
    # 2. It starts a worker, and waits for a signal, or for the worker's end.
    # 3. TERM, INT and HUP stop the worker, which takes its time; meanwhile another INT cuts that short.
    # 4. When the worker has stopped, it closes the coordinator. Its exit code says whether all handlers ended by
    #    themselves.
    #
    # @api private
    class Work
      SIGNALS = %w[INT TERM HUP TSTP].freeze
      private_constant :SIGNALS

      # @param options [Options]
      def initialize(options, _out)
        @options = options
        @events = Queue.new
        @stops = []
      end

      # @return [Integer] the exit code
      def run
        PidFile.new(@options.pid).hold do
          Application.new(@options).load
          coordinator = TaskerCore.coordinator
          trapping_signals { work_on(coordinator) }
          coordinator.close
          exit_code
        end
      ensure
        TaskerCore.close
      end

      private

      # Comes before the worker's start: from the first claim on, a signal must not end the process at once.
      def trapping_signals
        former = SIGNALS.to_h { |name| [name, Signal.trap(name) { @events << name }] }
        yield
      ensure
        former&.each { |name, handler| Signal.trap(name, handler || "DEFAULT") }
      end

      def work_on(coordinator)
        @worker = coordinator.start_worker(@options.namespaces ? { namespaces: @options.namespaces } : {})
        Log.info("tasker #{VERSION} works, process #{Process.pid}, #{RUBY_ENGINE} #{JRUBY_VERSION}")
        watch = HealthWatch.new(coordinator, HealthFile.new(@options.health_file))
        watch.keep { HealthPort.new(@options.health_port, watch, @worker).keep { obey_signals } }
      end

      def obey_signals
        watch_worker
        until (event = next_event) == :stopped
          event == "TSTP" ? quiet : stop(event)
        end
      end

      # If +Thread.abort_on_exception+ is set, Ruby raises here whatever ended a thread that a handler had started. The
      # other handlers have nothing to do with that.
      def next_event
        @events.pop
      rescue StandardError, ScriptError => e
        Log.error("a thread of the application's died, which would end the process by Thread.abort_on_exception; the worker goes on: " \
                  "#{e.class}: #{e.message} (#{e.backtrace&.first})")
        retry
      end

      # The application may also stop the worker, by closing its coordinator.
      def watch_worker
        Thread.new do
          @worker.wait
          @events << :stopped
        end
      end

      def quiet
        @worker.quiet
        Log.info("TSTP: takes no more steps")
      end

      def stop(signal)
        if @stops.empty?
          @worker.quiet
          Log.info("#{signal}: takes no more steps, and leaves when those that run have ended")
          @stops << Thread.new { @worker.stop }
        elsif signal == "INT"
          Log.warn("INT again: interrupts what still runs")
          @stops << Thread.new { @worker.stop(timeout_ms: 0) }
        end
      end

      def exit_code
        deaf = Native.deaf_handlers
        if deaf.positive?
          Log.warn("stopped; what heeds no interrupt ends with the process (#{deaf})")
          DEAF
        elsif @stops.map(&:value).all?
          Log.info("stopped")
          OK
        else
          Log.warn("stopped; handlers were interrupted, their steps given back")
          INTERRUPTED
        end
      end
    end
  end
end
