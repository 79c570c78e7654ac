# frozen_string_literal: true

# Conditions that come true in the course of time.
module Patience
  # @param seconds [Numeric] only there to end an example that fails
  # @return [Object, false] what the block returned when it became true
  def eventually(seconds = 20)
    deadline = now + seconds
    until (answer = yield)
      return false if now > deadline

      sleep 0.01
    end
    answer
  end

  def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)
end
