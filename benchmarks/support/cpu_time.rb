# frozen_string_literal: true

# The CPU that a piece of work takes of the server, with all its processes, and of this JVM, with its compilers and its collector.
#
# The server's comes from /proc, in ticks of 10 ms for each of its processes, so the work should take some hundred milliseconds.
class CpuTime
  # Microseconds; the server's is nil where the system has no /proc.
  Used = Struct.new(:server, :jvm)

  PROC = "/proc"
  TICK_US = 10_000.0 # SC_CLK_TCK is 100 wherever Linux runs Java
  SYSTEM = java.lang.management.ManagementFactory.operating_system_mx_bean

  # @param postmaster [Integer] the process that all others of the server are children of
  def initialize(postmaster)
    @postmaster = postmaster
  end

  # @return [Boolean] whether the server's can be told here
  def server? = File.exist?("#{PROC}/#{@postmaster}/stat")

  # @return [Used] by the block
  def of
    server = server_us if server?
    jvm = jvm_us
    yield
    jvm = jvm_us - jvm
    Used.new(server && (server_us - server), jvm)
  end

  private

  def jvm_us = SYSTEM.process_cpu_time / 1000.0

  # The postmaster's own figure has in it the processes that have ended, as soon as it has taken note of their end.
  def server_us
    ticks = Dir[File.join(PROC, "[0-9]*/stat")].sum do |file|
      pid, parent, own, ended = read(file)
      if pid == @postmaster then own + ended
      elsif parent == @postmaster then own
      else 0
      end
    end
    ticks * TICK_US
  end

  # @return [Array<Integer>, nil] pid, parent's pid, ticks of its own and of its children that have ended; nil if it is gone
  def read(file)
    # The name in parentheses may hold anything, parentheses too.
    pid, rest = File.read(file).match(/\A(\d+) \(.*\) (.*)/m).captures
    fields = rest.split.map(&:to_i)
    [pid.to_i, fields[1], fields[11] + fields[12], fields[13] + fields[14]]
  rescue Errno::ENOENT, Errno::ESRCH
    nil
  end
end
