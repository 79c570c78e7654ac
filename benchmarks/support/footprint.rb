# frozen_string_literal: true

# How much memory this process holds.
module Footprint
  MEMORY = java.lang.management.ManagementFactory.memory_mx_bean
  MEGABYTE = 1024.0 * 1024

  # @return [Float] megabytes of heap that are in use when all garbage is gone
  def self.heap
    4.times do
      MEMORY.gc
      sleep 0.1 # cleaners and reference queues have threads of their own
    end
    MEMORY.heap_memory_usage.used / MEGABYTE
  end

  # @return [Float, nil] megabytes of the process as the system counts them; nil where it does not tell
  def self.resident
    status = "/proc/self/status"
    File.read(status)[/^VmRSS:\s*(\d+) kB/, 1].to_i / 1024.0 if File.exist?(status)
  end
end
