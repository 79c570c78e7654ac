# frozen_string_literal: true

require "json"

module TaskerCore
  module CLI
    # Written anew while the coordinator's health is +ok+ or +degraded+, left alone while it is +down+: a file that has grown old, or
    # is not there, means that something is wrong. It holds the health as JSON. Each change of the status is logged.
    #
    # @api private
    class HealthFile
      # Between two looks.
      SECONDS = 5

      # @param path [String, nil] nil: the changes are logged all the same
      # @param coordinator [Coordinator]
      def initialize(path, coordinator)
        @path = path && File.expand_path(path)
        @coordinator = coordinator
        @lock = Mutex.new
        @stop = ConditionVariable.new
        @status = "ok"
      end

      # Looks again and again while the block runs; the file goes with its end.
      def keep
        look
        thread = Thread.new { look until stopped_within(SECONDS) }
        thread.name = "tasker-health"
        yield
      ensure
        @lock.synchronize { (@stopped = true) && @stop.signal }
        thread&.join
        File.delete(@path) if @path && File.file?(@path)
      end

      private

      def stopped_within(seconds)
        @lock.synchronize do
          @stop.wait(@lock, seconds) unless @stopped
          @stopped
        end
      end

      def look
        health = @coordinator.health
        tell(health) unless health.status == @status
        write(health) if @path && health.status != "down"
      rescue TaskerCore::Error, SystemCallError => e
        Log.warn("health: #{Log.text(e.message)}")
      end

      def tell(health)
        message = ["health: #{@status} → #{health.status}", *health["reasons"]].join("; ")
        health.status == "ok" ? Log.info(message) : Log.warn(message)
        @status = health.status
      end

      # Whoever reads it sees all of it or the one before.
      def write(health)
        File.write("#{@path}.new", "#{JSON.generate(health.to_h)}\n")
        File.rename("#{@path}.new", @path)
      end
    end
  end
end
