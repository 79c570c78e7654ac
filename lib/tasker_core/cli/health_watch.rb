# frozen_string_literal: true

module TaskerCore
  module CLI
    # Looks at the coordinator's health again and again, on a thread of its own, and remembers what it saw. Questions
    # are answered from memory, at once, however long the database takes. Each change of the status is logged. The
    # health file, if there is one, gets each look.
    #
    # @api private
    class HealthWatch
      # Between two looks.
      SECONDS = 5

      # A look ends within two seconds. If there was none for this long, something is stuck, and the last look no longer
      # means anything.
      STALE_MS = 15_000

      # How long {#keep} waits for the first look.
      FIRST_SECONDS = 1
      private_constant :STALE_MS, :FIRST_SECONDS

      # @param coordinator [Coordinator]
      # @param file [HealthFile, nil]
      def initialize(coordinator, file = nil)
        @coordinator = coordinator
        @file = file
        @lock = Mutex.new
        @changed = ConditionVariable.new
        @status = "ok"
      end

      # Looks while the block runs. The block begins after the first look, or after a second without one.
      def keep
        thread = Thread.new { look until stopped_within(SECONDS) }
        thread.name = "tasker-health"
        await_first
        yield
      ensure
        @lock.synchronize { (@stopped = true) && @changed.broadcast }
        thread&.join
        @file&.delete
      end

      # What the last look saw, as {Coordinator#health} has it, and how long ago that was. The status is +down+ if there
      # was no look, or none lately.
      #
      # @return [Hash{String => Object}]
      def last
        health, seen_ms = @lock.synchronize { [@health, @seen_ms] }
        return down("the health has not been looked at yet").merge("checked_ms_ago" => nil) unless health

        age = now_ms - seen_ms
        health = down("the health was last looked at #{age} ms ago") if age > STALE_MS
        health.merge("checked_ms_ago" => age)
      end

      private

      def down(reason) = { "status" => "down", "reasons" => [reason] }

      def now_ms = Process.clock_gettime(Process::CLOCK_MONOTONIC, :millisecond)

      def await_first
        @lock.synchronize { @changed.wait(@lock, FIRST_SECONDS) unless @health }
      end

      # The first look comes at once.
      def stopped_within(seconds)
        @lock.synchronize do
          @changed.wait(@lock, seconds) if @health && !@stopped
          @stopped
        end
      end

      def look
        health = health_now
        remember(health)
        tell(health)
        @file&.write(health) unless health["status"] == "down"
      rescue SystemCallError => e
        Log.warn("health: #{Log.text(e.message)}")
      end

      def health_now
        @coordinator.health.to_h
      rescue TaskerCore::Error => e
        down(Log.text(e.message))
      end

      def remember(health)
        @lock.synchronize do
          @health = health
          @seen_ms = now_ms
          @changed.broadcast
        end
      end

      def tell(health)
        status = health["status"]
        return if status == @status

        message = ["health: #{@status} → #{status}", *health["reasons"]].join("; ")
        status == "ok" ? Log.info(message) : Log.warn(message)
        @status = status
      end
    end
  end
end
