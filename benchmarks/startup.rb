# frozen_string_literal: true

# What an application waits for at its start: require "tasker_core" and the first coordinator, after JRuby's own boot.

require_relative "support/child"
require_relative "support/ground"

ROUNDS = Integer(ENV.fetch("BENCH_ROUNDS", "7"))

# Its own process tells it, for nothing may be loaded already; JRuby's own boot ends where this begins.
SCRIPT = <<~'RUBY'
  runtime = java.lang.management.ManagementFactory.runtime_mx_bean
  system = java.lang.management.ManagementFactory.operating_system_mx_bean
  now = -> { [java.lang.System.current_time_millis - runtime.start_time, system.process_cpu_time / 1e6] }
  booted = now.call
  require "tasker_core"
  required = now.call
  TaskerCore.create_coordinator_with_config(database_url: ARGV[0])
  ready = now.call
  STDOUT.puts "TIMES #{[booted, required, ready].flatten.join(' ')}"
RUBY

ground = Ground.new
report = Report.new("startup", ground.settings)
# @return [Array<Float>] milliseconds of boot, require and first coordinator: first by the clock, then in CPU
start = lambda do
  output = IO.popen([*Child.command(SCRIPT), ground.url], &:read)
  times = output[/^TIMES (.*)/, 1] or abort "bin/bench: the process did not start: #{output}"
  booted, booted_cpu, required, required_cpu, ready, ready_cpu = times.split.map(&:to_f)
  [booted, required - booted, ready - required, booted_cpu, required_cpu - booted_cpu, ready_cpu - required_cpu]
end

start.call # warms the file system's caches
rounds = Array.new(ROUNDS) do |round|
  start.call.tap { |all| report.progress(format("round %d: boot %.0f ms, require %.0f ms, first coordinator %.0f ms", round + 1, *all)) }
end
boots, requires, firsts, boot_cpus, require_cpus, first_cpus = rounds.transpose
report.result("require", requires, unit: "ms", references: boots)
report.result("first_coordinator", firsts, unit: "ms", references: boots)
report.result("require_and_first_coordinator", requires.zip(firsts).map(&:sum), unit: "ms", references: boots)
report.result("require_and_first_coordinator_cpu", require_cpus.zip(first_cpus).map(&:sum), unit: "ms of CPU", references: boot_cpus)
ground.close
